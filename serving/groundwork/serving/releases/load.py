"""A registered release of the assistant, made into one that answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from groundwork.core.errors import Conflict
from groundwork.core.registry.base import Registered
from groundwork.core.registry.release import Release
from groundwork.core.settings import Settings
from groundwork.guardrails.guard import Guard
from groundwork.retrieval.live import PinnedReader
from groundwork.serving.assistant import Assistant
from groundwork.serving.parts import Parts
from groundwork.serving.releases.recipe import settings_of


@dataclass(frozen=True, slots=True)
class Loaded:
    """An assistant that reads one version of its index, and the reader of it; None for one that reads what is live."""

    assistant: Assistant
    reader: PinnedReader | None


class AssistantLoader:
    """Makes assistants from releases, with this service's engines and stores.

    `known` are guards that are in use already: a guard remembers what it has read, so equal policies share one.
    """

    def __init__(self, settings: Settings, parts: Parts, known: Guard | None = None) -> None:
        self._settings = settings
        self._parts = parts
        self._guards: dict[str, Guard] = {} if known is None else {known.identity: known}

    def load(self, release: Registered, folder: Path) -> Loaded:
        """`folder` holds its files. Raises Conflict where this service would not answer as the release does, NotFound
        where its index version is gone, InvalidInput or ConfigurationError where its files do not hold together.
        """
        wanted = Release.of(release.content)
        settings = settings_of(folder, self._settings)
        reader = PinnedReader(self._parts.index_store, wanted.index, wanted.index_version)
        try:
            guard = self._guards.get(wanted.policy or "") or self._parts.guard(settings)
            assistant = self._parts.assemble(settings, readers=reader, guard=guard)
            _check(wanted, assistant)
            # Nobody's question waits for what can be loaded now.
            guard.warm()
            assistant.generator.warm()
        except BaseException:
            reader.close()
            raise
        self._guards.setdefault(guard.identity, guard)
        return Loaded(assistant, reader)

    def close(self, loaded: Loaded, /) -> None:
        """Nobody asks it any more."""
        if loaded.reader is not None:
            loaded.reader.close()


def _check(wanted: Release, assistant: Assistant) -> None:
    found = assistant.release(wanted.index, wanted.index_version)
    # Prices are those of the day: a release is not undone by a new price.
    found = replace(found, prices=wanted.prices)
    odd = [name for name, value in wanted.content.items() if found.content[name] != value]
    if odd:
        shown = "; ".join(
            f"{name} would be {found.content[name]} and is {wanted.content[name]}" for name in odd
        )
        raise Conflict(f"release {wanted.id} cannot be served here: {shown}", field="release")
