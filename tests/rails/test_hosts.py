"""Known hosts follow the live version."""

from __future__ import annotations

from groundwork.guardrails.hosts import KnownHosts
from groundwork.retrieval.index.base import MANIFEST, IndexStore
from groundwork.retrieval.index.manifest import Manifest, PageEntry
from groundwork.retrieval.index.memory import MemoryStore


def put(store: IndexStore, version: str, url: str | None) -> None:
    page = PageEntry("a.md", "h", "r", "A", url, ())
    made = Manifest("docs", version, "2026-01-01T00:00:00Z", None, {}, ("a",), (page,))
    with store.begin("docs", dimension=4) as writer:
        writer.put_blob(MANIFEST, made.to_json())
        writer.seal(version)
    store.promote("docs", version)


def test_hosts_come_from_the_live_version() -> None:
    store = MemoryStore()
    known = KnownHosts(store)
    assert known("docs") == frozenset()
    put(store, "1" * 16, "https://Docs.Acme.com/a")
    assert known("docs") == {"docs.acme.com"}
    put(store, "2" * 16, None)
    assert known("docs") == frozenset()
    put(store, "3" * 16, "https://new.acme.com/a")
    assert known("docs") == {"new.acme.com"}
    assert known("docs") == {"new.acme.com"}
