"""Index versions in this process's memory: exact, without files, for trials and tests."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from groundwork.core.errors import Conflict, GroundworkError
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import (
    LIVE,
    MANIFEST,
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
from groundwork.retrieval.index.names import (
    checked_blob,
    checked_index,
    checked_version,
    missing,
    no_version,
)
from groundwork.retrieval.index.ties import Scores, best, merged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.retrieval.index.base import Vector


_BATCH = 512


class _Version:
    """One sealed version. The matrix and the postings are made when they are first asked for."""

    def __init__(self, points: Mapping[str, Point], blobs: Mapping[str, bytes]) -> None:
        self.points = points
        self.blobs = blobs
        self.ids = sorted(points)
        self.payloads = [codec.to_payload(points[point]) for point in self.ids]

    @cached_property
    def matrix(self) -> Vector:
        """Float32, (points, dimension)."""
        import numpy as np

        return np.stack([self.points[point].dense for point in self.ids])

    @cached_property
    def postings(self) -> dict[int, list[tuple[int, float]]]:
        """Term to the rows that hold it, with their weights."""
        found: dict[int, list[tuple[int, float]]] = {}
        for row, point in enumerate(self.ids):
            sparse = self.points[point].sparse
            for term, weight in zip(sparse.indices, sparse.values, strict=True):
                found.setdefault(term, []).append((row, weight))
        return found

    def bm25(self, query: SparseVector) -> dict[int, float]:
        """Row to score, for rows that share a term."""
        scores: dict[int, float] = {}
        for term, weight in zip(query.indices, query.values, strict=True):
            rows = self.postings.get(term, [])
            share = weight * idf(len(rows), len(self.ids))
            for row, held in rows:
                scores[row] = scores.get(row, 0.0) + share * held
        return scores


def idf(holding: int, total: int) -> float:
    """How telling a term is that `holding` of `total` points hold: as Qdrant's `idf` modifier computes it."""
    return math.log(1.0 + (total - holding + 0.5) / (holding + 0.5))


def _as_read(point: Point) -> Point:
    terms = (point.sparse.indices, point.sparse.values)
    return codec.to_point(point.chunk.id, codec.to_payload(point), point.dense.tolist(), terms)


@dataclass(slots=True)
class _Index:
    versions: dict[str, _Version] = field(default_factory=dict)
    aliases: dict[str, str | None] = field(default_factory=dict)
    writer: threading.Lock = field(default_factory=threading.Lock)


class MemoryStore:
    """All indexes of this process."""

    def __init__(self) -> None:
        self._indexes: dict[str, _Index] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The indexes that hold a version."""
        return sorted(name for name, held in self._indexes.items() if held.versions)

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        found = [
            VersionInfo(**version_info(Manifest.from_json(version.blobs[MANIFEST])))
            for version in list(self._index(index).versions.values())
        ]
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return self._index(index).aliases.get(alias)

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob."""
        return self._sealed(index, version).blobs[MANIFEST]

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> MemoryWriter:
        """Start a version; the index is taken inside the `with` block."""
        source = self._sealed(index, base) if base else None
        return MemoryWriter(checked_index(index), self._index(index), dimension, source)

    def open(self, index: str, version: str | None = None) -> MemoryReader:
        """The version itself: nothing can change it."""
        wanted = version or self.alias(index)
        if wanted is None:
            raise missing(index)
        return MemoryReader(index, wanted, self._sealed(index, wanted))

    def promote(self, index: str, version: str) -> None:
        """Move `live`, and `previous` behind it."""
        self._sealed(index, version)
        held = self._index(index)
        with self._lock:
            live = held.aliases.get(LIVE)
            if live != version:
                held.aliases = {LIVE: version, PREVIOUS: live}

    def drop(self, index: str, version: str) -> None:
        """Forget a version; open readers keep it alive."""
        self._sealed(index, version)
        held = self._index(index)
        with self._lock:
            if version in held.aliases.values():
                raise Conflict(f"version {version} of {index} is live or previous", field="version")
            held.versions.pop(version, None)

    def close(self) -> None:
        """Nothing to release."""

    def _index(self, name: str) -> _Index:
        with self._lock:
            return self._indexes.setdefault(checked_index(name), _Index())

    def _sealed(self, index: str, version: str) -> _Version:
        found = self._index(index).versions.get(version)
        if found is None:
            raise no_version(index, version)
        return found


class MemoryWriter:
    """A version under construction: a dictionary of points."""

    def __init__(self, name: str, index: _Index, dimension: int, base: _Version | None) -> None:
        self._name = name
        self._index = index
        self._dimension = dimension
        self._points: dict[str, Point] = dict(base.points) if base is not None else {}
        self._blobs: dict[str, bytes] = {}
        self._sealed = False

    def __enter__(self) -> Self:
        if not self._index.writer.acquire(blocking=False):
            raise Conflict(
                f"index {self._name} is being written; try again when it is done", field="index"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sealed = True
        self._index.writer.release()

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points of the base."""
        self._check_open()
        for point in ids:
            self._points.pop(point, None)

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace."""
        self._check_open()
        for point in points:
            if point.dense.shape != (self._dimension,):
                raise GroundworkError(
                    f"a vector of shape {point.dense.shape} where the index has {self._dimension}"
                )
            self._points[point.chunk.id] = point

    def put_blob(self, name: str, content: bytes) -> None:
        """Keep the bytes."""
        self._check_open()
        self._blobs[checked_blob(name)] = content

    def seal(self, version: str) -> None:
        """Make it visible, unless that version is there already."""
        self._check_open()
        self._sealed = True
        if checked_version(version) in self._index.versions:
            return
        if MANIFEST not in self._blobs:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        counted = Manifest.from_json(self._blobs[MANIFEST]).chunk_count
        if len(self._points) != counted:
            raise GroundworkError(
                f"the new version of {self._name} holds {len(self._points)} chunks where its manifest counts "
                f"{counted}; it was discarded and the live one is untouched"
            )
        self._index.versions[version] = _Version(dict(self._points), dict(self._blobs))

    def _check_open(self) -> None:
        if self._sealed:
            raise Conflict("the version is sealed; nothing can change it", field="version")


class MemoryReader:
    """One version, answered by a matrix product and by postings."""

    def __init__(self, index: str, version: str, held: _Version) -> None:
        self.index = index
        self.version = version
        self._held: _Version | None = held

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Exact scores over every point that the filter lets through."""
        held = self._open()
        if not held.ids:
            return []
        cosines: NDArray[np.float32] = held.matrix @ dense
        weights = held.bm25(sparse)
        rows = [
            row
            for row, payload in enumerate(held.payloads)
            if not where or codec.fits(payload, where)
        ]
        by_dense = best({held.ids[row]: float(cosines[row]) for row in rows}, limit)
        by_sparse = best({held.ids[row]: weights[row] for row in rows if row in weights}, limit)
        found = by_dense.keys() | by_sparse.keys()
        all_scores: tuple[Scores, Scores] = ({}, {})
        for row in rows:
            point = held.ids[row]
            if point in found:
                all_scores[0][point] = float(cosines[row])
                all_scores[1][point] = weights.get(row, 0.0)
        return merged(*all_scores)

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """The chunks, in the order asked."""
        points = self._open().points
        return [
            Stored(points[point].chunk, points[point].units) for point in ids if point in points
        ]

    def blob(self, name: str) -> bytes | None:
        """The bytes as put."""
        return self._open().blobs.get(checked_blob(name))

    def blobs(self) -> list[str]:
        """The names."""
        return sorted(self._open().blobs)

    def points(self) -> Iterator[list[Point]]:
        """By id."""
        held = self._open()
        for start in range(0, len(held.ids), _BATCH):
            yield [_as_read(held.points[point]) for point in held.ids[start : start + _BATCH]]

    def close(self) -> None:
        """Let go of the version."""
        self._held = None

    def _open(self) -> _Version:
        if self._held is None:
            raise Conflict("this reader is closed", field="index")
        return self._held
