"""Index versions on Qdrant Edge: the embedded engine, one folder a version."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from groundwork.core.errors import Conflict, IndexMissing, NotFound
from groundwork.retrieval.index import codec
from groundwork.retrieval.index import edge_files as files
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
    import qdrant_edge

    from groundwork.retrieval.index.base import Vector

MANIFEST = "manifest"
_DENSE = "dense"
_BM25 = "bm25"
# Scores tie often (duplicated passages): look a little past the cut, so that ids and not the
# segments' layout decide who is in.
_MARGIN = 16
# Below this many points a scan of plain segments is exact and faster than building a graph pays for.
_OPTIMISE_FROM = 100_000


class EdgeStore:
    """All indexes below one folder. Any number of processes may read while one writes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """The indexes that hold a version."""
        if not self._root.is_dir():
            return []
        return sorted(
            path.name for path in self._root.iterdir() if any(path.glob(f"versions/*/{files.INFO}"))
        )

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        found = []
        for path in (self._index(index) / "versions").glob(f"*/{files.INFO}"):
            info = files.read_json(path)
            found.append(VersionInfo(**info, bytes=files.size_on_disk(path.parent)))
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return files.read_json(self._index(index) / "aliases.json").get(alias)

    def manifest(self, index: str, version: str) -> bytes:
        """Read without opening the shard."""
        path = self._version(index, version) / files.BLOBS / MANIFEST
        if not path.is_file():
            raise NotFound(f"index {index} has no version {version}", field="version")
        return path.read_bytes()

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> EdgeWriter:
        """Hold the index's lock and start a version."""
        source = self._version(index, base) if base else None
        return EdgeWriter(self._index(index), dimension, source)

    def open(self, index: str, version: str | None = None) -> EdgeReader:
        """Through a view of its own, so that other processes are not shut out."""
        wanted = version or self.alias(index)
        if wanted is None:
            raise IndexMissing(
                f"no index named {index}; make it with: groundwork ingest SOURCE --index {index}",
                field="index",
            )
        folder = self._version(index, wanted)
        if not (folder / files.INFO).is_file():
            raise NotFound(f"index {index} has no version {wanted}", field="version")
        return EdgeReader(index, wanted, folder)

    def promote(self, index: str, version: str) -> None:
        """One atomic rename; readers that are open keep their version."""
        folder = self._index(index)
        if not (self._version(index, version) / files.INFO).is_file():
            raise NotFound(f"index {index} has no version {version}", field="version")
        aliases = files.read_json(folder / "aliases.json")
        if aliases.get(LIVE) == version:
            return
        aliases = {PREVIOUS: aliases.get(LIVE), LIVE: version}
        files.write_atomically(folder / "aliases.json", orjson.dumps(aliases))

    def drop(self, index: str, version: str) -> None:
        """Rename away, then delete: nobody sees half a version."""
        folder = self._version(index, version)
        if version in files.read_json(self._index(index) / "aliases.json").values():
            raise Conflict(f"version {version} of {index} is live or previous", field="version")
        if not folder.is_dir():
            raise NotFound(f"index {index} has no version {version}", field="version")
        going = files.new_folder(self._index(index), "building-")
        folder.rename(going / "dropped")
        shutil.rmtree(going, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _index(self, index: str) -> Path:
        return self._root / checked_index(index)

    def _version(self, index: str, version: str) -> Path:
        # A version comes from users too: never let it climb out of its folder.
        return self._index(index) / "versions" / Path(version).name


class EdgeWriter:
    """A version under construction, in a folder of its own until `seal` renames it into place."""

    def __init__(self, index: Path, dimension: int, base: Path | None) -> None:
        self._index = index
        self._dimension = dimension
        self._base = base
        self._stack = contextlib.ExitStack()
        self._manifest: Manifest | None = None
        self._work = Path()
        self._shard: qdrant_edge.EdgeShard | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(files.locked(self._index))
        files.sweep(self._index, "building-")
        self._work = files.new_folder(self._index, "building-")
        self._stack.callback(shutil.rmtree, self._work, ignore_errors=True)
        (self._work / files.BLOBS).mkdir()
        shard = self._work / files.SHARD
        shard.mkdir()
        if self._base is not None:
            files.copy_shard(self._base / files.SHARD, shard)
        self._shard = _load(shard) if self._base is not None else _create(shard, self._dimension)
        self._stack.callback(self._close_shard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points of the base."""
        import qdrant_edge as edge

        points: list[Any] = [uuid.UUID(point) for point in ids]
        if points:
            self._open().update(edge.UpdateOperation.delete_points(points))

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace."""
        import qdrant_edge as edge

        rows = [
            edge.Point(
                uuid.UUID(point.chunk.id),
                {
                    _DENSE: point.dense.tolist(),
                    _BM25: edge.SparseVector(list(point.sparse.indices), list(point.sparse.values)),
                },
                codec.to_payload(point),
            )
            for point in points
        ]
        if rows:
            self._open().update(edge.UpdateOperation.upsert_points(rows))

    def put_blob(self, name: str, content: bytes) -> None:
        """A file beside the shard."""
        (self._work / files.BLOBS / Path(name).name).write_bytes(content)
        if name == MANIFEST:
            self._manifest = Manifest.from_json(content)

    def seal(self, version: str) -> None:
        """Flush, close, make durable, rename."""
        if self._manifest is None:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        target = self._index / "versions" / version
        if (target / files.INFO).is_file():
            return
        shard = self._open()
        shard.flush()
        if self._manifest.chunk_count >= _OPTIMISE_FROM:
            shard.optimize()
            shard.flush()
        self._close_shard()
        files.drop_log(self._work / files.SHARD)
        info = version_info(self._manifest)
        (self._work / files.INFO).write_bytes(orjson.dumps(info))
        files.sync_tree(self._work)
        target.parent.mkdir(exist_ok=True)
        self._work.rename(target)
        files.sync_folder(target.parent)

    def _open(self) -> qdrant_edge.EdgeShard:
        if self._shard is None:
            raise Conflict("the version is sealed; nothing can change it", field="version")
        return self._shard

    def _close_shard(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None


class EdgeReader:
    """One open version. Qdrant Edge is safe to query from several threads."""

    def __init__(self, index: str, version: str, folder: Path) -> None:
        self.index = index
        self.version = version
        views = folder.parent.parent / "views"
        views.mkdir(exist_ok=True)
        files.sweep(views)
        self._view = files.new_folder(views)
        self._close_lock = threading.Lock()
        self._shard: qdrant_edge.EdgeShard | None = None
        try:
            files.link_shard(folder / files.SHARD, self._view / files.SHARD)
            shutil.copytree(folder / files.BLOBS, self._view / files.BLOBS)
            self._shard = _load(self._view / files.SHARD)
        except FileNotFoundError:
            self.close()
            raise NotFound(
                f"index {index} has no version {version} any more", field="version"
            ) from None

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Both rankings in one batch, then each one's missing scores of the other's finds."""
        condition = _filter(where)
        vector = dense.tolist()
        found = self._query(
            [
                (_DENSE, vector, limit + _MARGIN, condition),
                (_BM25, sparse, limit + _MARGIN, condition),
            ]
        )
        by_dense, by_sparse = (_best(scores, limit) for scores in found)
        more_dense, more_sparse = self._query(
            [
                (_DENSE, vector, limit, _these(by_sparse.keys() - by_dense.keys())),
                (_BM25, sparse, limit, _these(by_dense.keys() - by_sparse.keys())),
            ]
        )
        by_dense.update(more_dense)
        by_sparse.update(more_sparse)
        return [
            Candidate(str(point), by_dense.get(point, 0.0), by_sparse.get(point, 0.0))
            for point in sorted(by_dense.keys() | by_sparse.keys(), key=str)
        ]

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """Payloads, in the order asked."""
        wanted: list[Any] = [uuid.UUID(point) for point in ids]
        records = self._open().retrieve(wanted, with_payload=True, with_vector=False)
        found = {str(record.id): record.payload for record in records}
        return [
            codec.from_payload(point, payload)
            for point in ids
            if (payload := found.get(point)) is not None
        ]

    def blob(self, name: str) -> bytes | None:
        """A file stored with the version."""
        path = self._view / files.BLOBS / Path(name).name
        return path.read_bytes() if path.is_file() else None

    def close(self) -> None:
        """Close the shard and remove the view."""
        with self._close_lock:
            shard, self._shard = self._shard, None
        if shard is not None:
            shard.close()
        shutil.rmtree(self._view, ignore_errors=True)

    def _open(self) -> qdrant_edge.EdgeShard:
        shard = self._shard
        if shard is None:
            raise Conflict("this reader is closed", field="index")
        return shard

    def _query(self, asked: Sequence[tuple[str, Any, int, Any]]) -> list[dict[uuid.UUID, float]]:
        import qdrant_edge as edge

        requests = []
        for using, vector, limit, condition in asked:
            query = vector
            if isinstance(vector, SparseVector):
                query = edge.SparseVector(list(vector.indices), list(vector.values))
            requests.append(
                edge.QueryRequest(
                    query=edge.Query.Nearest(query, using=using), limit=limit, filter=condition
                )
            )
        results = self._open().query_batch(edge.QueryBatchRequest(requests))
        return [{_as_uuid(point.id): float(point.score) for point in points} for points in results]


def _as_uuid(point: object) -> uuid.UUID:
    return point if isinstance(point, uuid.UUID) else uuid.UUID(str(point))


def _best(scores: dict[uuid.UUID, float], limit: int) -> dict[uuid.UUID, float]:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], str(item[0])))
    return dict(ranked[:limit])


def _these(points: Iterable[uuid.UUID]) -> Any:
    import qdrant_edge as edge

    return edge.Filter(must=[edge.HasIdCondition(set(points))])


def _filter(where: Filter | None) -> Any:
    if not where:
        return None
    import qdrant_edge as edge

    return edge.Filter(
        must=[
            edge.FieldCondition(key=field, match=edge.MatchAny(values))
            for field, values in codec.wanted(where).items()
        ]
    )


def _create(shard: Path, dimension: int) -> qdrant_edge.EdgeShard:
    import qdrant_edge as edge

    config = edge.EdgeConfig(
        vectors={_DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Dot)},
        sparse_vectors={_BM25: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
    )
    return edge.EdgeShard.create(str(shard), config)


def _load(shard: Path) -> qdrant_edge.EdgeShard:
    import qdrant_edge as edge

    return edge.EdgeShard.load(str(shard))
