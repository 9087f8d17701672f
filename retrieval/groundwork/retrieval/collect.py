"""Garbage collection: old index versions, and cached vectors that no version uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from groundwork.retrieval.index.base import LIVE, PREVIOUS, IndexStore
from groundwork.retrieval.index.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Collected:
    """What went: (index, version) pairs, and a count of cached vectors."""

    versions: tuple[tuple[str, str], ...]
    vectors: int


def collect(
    store: IndexStore,
    indexes: Sequence[str],
    *,
    keep: int,
    cache: Path,
    dry_run: bool,
    in_use: Callable[[str], Collection[str]] = lambda _: (),
) -> Collected:
    """Drop all but the aliased versions, those that are `in_use`, and the `keep` newest others of each index.

    The vectors of every version that stays, of any index, stay in the cache.
    """
    going = [
        (name, version)
        for name in indexes
        for version in _superfluous(store, name, keep, in_use(name))
    ]
    if not dry_run:
        for name, version in going:
            store.drop(name, version)
    return Collected(tuple(going), _prune(store, set(going), cache, dry_run=dry_run))


def _superfluous(store: IndexStore, index: str, keep: int, in_use: Collection[str]) -> list[str]:
    aliased = {store.alias(index, LIVE), store.alias(index, PREVIOUS), *in_use}
    others = [info.version for info in store.versions(index) if info.version not in aliased]
    return others[keep:]


def _prune(store: IndexStore, going: set[tuple[str, str]], path: Path, *, dry_run: bool) -> int:
    if not path.exists():
        return 0
    from groundwork.retrieval.embed.cache import VectorCache

    used: dict[str, set[str]] = {}
    for name in store.names():
        for info in store.versions(name):
            if (name, info.version) in going:
                continue
            manifest = Manifest.from_json(store.manifest(name, info.version))
            digests = used.setdefault(manifest.config["embedder"], set())
            digests.update(digest for page in manifest.pages for digest in page.chunks)
    cache = VectorCache(path)
    try:
        return cache.prune(used, dry_run=dry_run)
    finally:
        cache.close()
