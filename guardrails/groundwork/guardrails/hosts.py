"""The hosts of an index's own pages: where an answer may lead."""

from __future__ import annotations

import threading

from groundwork.guardrails.detect.links import host_of
from groundwork.retrieval.index.base import LIVE, IndexStore
from groundwork.retrieval.index.manifest import Manifest


class KnownHosts:
    """Reads the hosts of an index's live version from its manifest, once a version. An unknown index has none."""

    def __init__(self, store: IndexStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, frozenset[str]]] = {}

    def __call__(self, index: str) -> frozenset[str]:
        """The hosts, in lower case."""
        version = self._store.alias(index, LIVE)
        if version is None:
            return frozenset()
        with self._lock:
            known = self._known.get(index)
        if known is None or known[0] != version:
            manifest = Manifest.from_json(self._store.manifest(index, version))
            known = (version, frozenset(host_of(page.url) for page in manifest.pages if page.url))
            with self._lock:
                self._known[index] = known
        return known[1]
