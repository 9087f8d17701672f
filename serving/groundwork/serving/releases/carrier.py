"""What goes live with a release of the assistant: the alias of its index."""

from __future__ import annotations

from collections.abc import Callable

from groundwork.core.registry.base import Registered
from groundwork.core.registry.release import Release
from groundwork.retrieval.index.base import LIVE, IndexStore


class IndexCarrier:
    """Moves the index's alias `live`; `check` loads the release as a service would, where a way to is given."""

    def __init__(
        self, store: IndexStore, check: Callable[[Registered], None] | None = None
    ) -> None:
        self._store = store
        self._check = check

    def check(self, release: Registered) -> None:
        """Raises NotFound where the version is gone, and what loading raises."""
        wanted = Release.of(release.content)
        self._store.manifest(wanted.index, wanted.index_version)
        if self._check is not None:
            self._check(release)

    def carry(self, release: Registered) -> None:
        """The index's version goes live, if it is not yet."""
        wanted = Release.of(release.content)
        if self._store.alias(wanted.index, LIVE) != wanted.index_version:
            self._store.promote(wanted.index, wanted.index_version)
