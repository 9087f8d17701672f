"""Building an embedded index version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from groundwork.core.errors import Conflict, GroundworkError, NotFound
from groundwork.retrieval.index import edge_files as files
from groundwork.retrieval.index import edge_locks as locks
from groundwork.retrieval.index import edge_shard as engine
from groundwork.retrieval.index.base import MANIFEST, Point, version_info
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.names import checked_blob, checked_version

if TYPE_CHECKING:
    import qdrant_edge

# A removed point's slot stays in a copied shard. When slots outnumber the base's points by this factor,
# points are stored anew (some 10,000 a second) instead of copying files.
REPACK_FROM = 1.5
_SLOTS = "slots"


class EdgeWriter:
    """A version under construction, in a folder of its own until `seal` renames it into place."""

    def __init__(
        self, index: Path, dimension: int, base: Path | None, packing: engine.Packing
    ) -> None:
        self._index = index
        self._packing = packing
        self._dimension = dimension
        self._base = base
        self._stack = contextlib.ExitStack()
        self._manifest: Manifest | None = None
        self._work = Path()
        self._slots = 0
        self._shard: qdrant_edge.EdgeShard | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(locks.writing(self._index))
            # With the lock held, whatever is still under construction has lost its builder.
            for left_behind in self._index.glob(f"{files.BUILDING}*"):
                files.clear(left_behind)
            self._work = locks.new_folder(self._index, files.BUILDING)
            stack.callback(files.clear, self._work)
            (self._work / files.BLOBS).mkdir()
            stack.callback(self._close_shard)
            self._shard = self._start()
            self._stack = stack.pop_all()
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

        points: list[Any] = list(ids)
        if points:
            self._open().update(edge.UpdateOperation.delete_points(points))

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace."""
        engine.upsert(self._open(), [engine.record(point) for point in points])
        self._slots += len(points)

    def put_blob(self, name: str, content: bytes) -> None:
        """A file beside the shard."""
        self._open()
        (self._work / files.BLOBS / checked_blob(name)).write_bytes(content)
        if name == MANIFEST:
            self._manifest = Manifest.from_json(content)

    def seal(self, version: str) -> None:
        """Check, flush, close, make durable, rename."""
        shard = self._open()
        target = self._index / files.VERSIONS / checked_version(version)
        if (target / files.INFO).is_file():
            self._close_shard()
            return
        manifest = self._checked(shard)
        if self._packing.packs(manifest.chunk_count, self._dimension):
            shard = self._packed(shard, manifest.chunk_count)
        shard.flush()
        self._close_shard()
        info = {**version_info(manifest), _SLOTS: self._slots}
        (self._work / files.INFO).write_bytes(orjson.dumps(info))
        files.sync_tree(self._work)
        target.parent.mkdir(exist_ok=True)
        self._work.rename(target)
        files.sync_folder(target.parent)

    @property
    def _config(self) -> qdrant_edge.EdgeConfig:
        return engine.configuration(self._dimension, self._packing)

    def _packed(self, shard: qdrant_edge.EdgeShard, points: int) -> qdrant_edge.EdgeShard:
        if points >= self._packing.graph_from:
            self._close_shard()
            graph = engine.configuration(self._dimension, self._packing, graph=True)
            shard = self._shard = engine.load(self._work / files.SHARD, graph)
        shard.optimize()
        return shard

    def _start(self) -> qdrant_edge.EdgeShard:
        shard = self._work / files.SHARD
        if self._base is None:
            return engine.create(shard, self._config)
        try:
            info = files.read_json(self._base / files.INFO)
            self._slots = info.get(_SLOTS, 0)
            if self._slots > REPACK_FROM * info.get("chunks", 0):
                return self._repacked(shard)
            files.copy_shard(self._base / files.SHARD, shard)
        except FileNotFoundError:
            raise NotFound(
                f"index {self._index.name} has no version {self._base.name} to build on",
                field="version",
            ) from None
        return engine.load(shard, self._config)

    def _repacked(self, shard: Path) -> qdrant_edge.EdgeShard:
        if self._base is None:
            raise TypeError("nothing to repack")
        view = self._work / "base"
        files.link_view(self._base, view)
        new, self._slots = engine.create(shard, self._config), 0
        old = engine.load(view / files.SHARD)
        try:
            for batch in engine.everything(old):
                engine.upsert(new, batch)
                self._slots += len(batch)
        finally:
            old.close()
        files.clear(view)
        return new

    def _checked(self, shard: qdrant_edge.EdgeShard) -> Manifest:
        """The manifest, which must agree with the shard: a stale or a lost chunk would answer or be missed."""
        import qdrant_edge as edge

        if self._manifest is None:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        held = shard.count(edge.CountRequest(exact=True))
        if held != self._manifest.chunk_count:
            raise GroundworkError(
                f"the new version of {self._index.name} holds {held} chunks where its manifest counts "
                f"{self._manifest.chunk_count}; it was discarded and the live one is untouched"
            )
        return self._manifest

    def _open(self) -> qdrant_edge.EdgeShard:
        if self._shard is None:
            raise Conflict("the version is sealed; nothing can change it", field="version")
        return self._shard

    def _close_shard(self) -> None:
        shard, self._shard = self._shard, None
        if shard is not None:
            shard.close()
