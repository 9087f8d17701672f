"""Index versions in this process's memory: exact, plain, and gone with it. For tests and experiments."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from groundwork.core.errors import Conflict, IndexMissing, NotFound
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import (
    LIVE,
    PREVIOUS,
    Candidate,
    Filter,
    Point,
    SparseVector,
    Stored,
    VersionInfo,
    version_info,
)
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.names import checked_index

if TYPE_CHECKING:
    from groundwork.retrieval.index.base import Vector

MANIFEST = "manifest"


class _Version:
    def __init__(self, points: dict[str, Point], blobs: dict[str, bytes]) -> None:
        self.points = points
        self.blobs = blobs


class MemoryStore:
    """All indexes as dictionaries."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[str, _Version]] = {}
        self._aliases: dict[str, dict[str, str]] = {}
        self._writing: set[str] = set()

    def names(self) -> list[str]:
        """Indexes with a sealed version."""
        return sorted(name for name, versions in self._versions.items() if versions)

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        held = self._versions.get(checked_index(index), {}).values()
        found = [
            VersionInfo(**version_info(Manifest.from_json(version.blobs[MANIFEST])))
            for version in held
        ]
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return self._aliases.get(checked_index(index), {}).get(alias)

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob."""
        return self._get(index, version).blobs[MANIFEST]

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> MemoryWriter:
        """Start a version."""
        del dimension
        points = dict(self._get(index, base).points) if base else {}
        return MemoryWriter(self, checked_index(index), points)

    def open(self, index: str, version: str | None = None) -> MemoryReader:
        """Readers hold the version's own dictionary, which nothing changes."""
        wanted = version or self.alias(index)
        if wanted is None:
            raise IndexMissing(f"no index named {index}", field="index")
        return MemoryReader(index, wanted, self._get(index, wanted))

    def promote(self, index: str, version: str) -> None:
        """Two assignments under the interpreter's lock."""
        self._get(index, version)
        live = self.alias(index)
        if live != version:
            before = {PREVIOUS: live} if live else {}
            self._aliases[index] = {LIVE: version, **before}

    def drop(self, index: str, version: str) -> None:
        """Forget a version."""
        self._get(index, version)
        if version in self._aliases.get(index, {}).values():
            raise Conflict(f"version {version} of {index} is live or previous", field="version")
        del self._versions[index][version]

    def close(self) -> None:
        """Nothing to release."""

    def lock(self, index: str) -> None:
        """One writer an index."""
        if index in self._writing:
            raise Conflict(f"index {index} is being written to", field="index")
        self._writing.add(index)

    def unlock(self, index: str) -> None:
        """The writer is done."""
        self._writing.discard(index)

    def keep(self, index: str, version: str, content: _Version) -> None:
        """Seal: an id that exists means the same content."""
        self._versions.setdefault(index, {}).setdefault(version, content)

    def _get(self, index: str, version: str) -> _Version:
        found = self._versions.get(checked_index(index), {}).get(version)
        if found is None:
            raise NotFound(f"index {index} has no version {version}", field="version")
        return found


class MemoryWriter:
    """A version under construction."""

    def __init__(self, store: MemoryStore, index: str, points: dict[str, Point]) -> None:
        self._store = store
        self._index = index
        self._points = points
        self._blobs: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        self._store.lock(self._index)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.unlock(self._index)

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points."""
        for point in ids:
            self._points.pop(point, None)

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace."""
        self._points.update({point.chunk.id: point for point in points})

    def put_blob(self, name: str, content: bytes) -> None:
        """Keep a blob."""
        self._blobs[name] = content

    def seal(self, version: str) -> None:
        """Make it visible."""
        if MANIFEST not in self._blobs:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        self._store.keep(self._index, version, _Version(dict(self._points), dict(self._blobs)))


class MemoryReader:
    """Exact scores over every point."""

    def __init__(self, index: str, version: str, content: _Version) -> None:
        self.index = index
        self.version = version
        self._content = content
        self._frequencies = Counter(
            term for point in content.points.values() for term in point.sparse.indices
        )

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """The union of both rankings' best."""
        points = [
            point
            for point in self._content.points.values()
            if not where or codec.fits(codec.to_payload(point), where)
        ]
        scored = [
            Candidate(point.chunk.id, float(point.dense @ dense), self._bm25(point, sparse))
            for point in points
        ]
        by_dense = sorted(scored, key=lambda found: (-found.dense, found.id))[:limit]
        shared = [found for found in scored if found.sparse > 0]
        by_sparse = sorted(shared, key=lambda found: (-found.sparse, found.id))[:limit]
        return sorted({*by_dense, *by_sparse}, key=lambda found: found.id)

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """In the order asked."""
        points = (self._content.points.get(point) for point in ids)
        return [Stored(point.chunk, point.units) for point in points if point is not None]

    def blob(self, name: str) -> bytes | None:
        """A blob stored with the version."""
        return self._content.blobs.get(name)

    def close(self) -> None:
        """Nothing to release."""

    def _bm25(self, point: Point, query: SparseVector) -> float:
        weights = dict(zip(point.sparse.indices, point.sparse.values, strict=True))
        total = len(self._content.points)
        score = 0.0
        for term, weight in zip(query.indices, query.values, strict=True):
            if term in weights:
                n = self._frequencies[term]
                score += weight * weights[term] * math.log1p((total - n + 0.5) / (n + 0.5))
        return score
