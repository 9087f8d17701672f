"""Reading an embedded index version."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Conflict
from groundwork.retrieval.index import codec
from groundwork.retrieval.index import edge_files as files
from groundwork.retrieval.index import edge_shard as engine
from groundwork.retrieval.index.base import Candidate, Filter, Point, SparseVector, Stored
from groundwork.retrieval.index.edge_locks import OwnedFolder
from groundwork.retrieval.index.names import checked_blob, no_version
from groundwork.retrieval.index.ties import Scores, merged, settled

if TYPE_CHECKING:
    import qdrant_edge

    from groundwork.retrieval.index.base import Vector


class EdgeReader:
    """One open version. Qdrant Edge answers several threads at once."""

    def __init__(
        self, index: str, version: str, view: OwnedFolder, shard: qdrant_edge.EdgeShard
    ) -> None:
        self.index = index
        self.version = version
        self._view = view
        self._closing = threading.Lock()
        self._shard: qdrant_edge.EdgeShard | None = shard

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Both rankings in one batch, then each one's missing scores of the other's finds."""
        import qdrant_edge as edge

        allowed = engine.condition(where)
        nearest = edge.Query.Nearest(dense.tolist(), using=engine.DENSE)
        matching = edge.Query.Nearest(engine.sparse(sparse), using=engine.BM25)

        def ask(*wanted: tuple[Any, int, Any], exact: bool = False) -> list[Scores]:
            params = engine.searching(exact=exact)
            return self._scores(
                edge.QueryRequest(query=query, limit=size, filter=condition, params=params)
                for query, size, condition in wanted
            )

        by_dense, by_sparse = settled(
            lambda sizes: ask(
                *(
                    (query, size, allowed)
                    for query, size in zip((nearest, matching), sizes, strict=True)
                )
            ),
            limit,
        )
        lacking_dense = by_sparse.keys() - by_dense.keys()
        lacking_sparse = by_dense.keys() - by_sparse.keys()
        more_dense, more_sparse = ask(
            (nearest, len(lacking_dense), _these(lacking_dense)),
            (matching, len(lacking_sparse), _these(lacking_sparse)),
            exact=True,
        )
        return merged(by_dense | more_dense, by_sparse | more_sparse)

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """Payloads, in the order asked."""
        wanted: list[Any] = list(ids)
        records = self._open().retrieve(wanted, with_payload=True, with_vector=False)
        found = {str(record.id): record.payload for record in records}
        return [
            codec.from_payload(point, payload)
            for point in ids
            if (payload := found.get(point)) is not None
        ]

    def blob(self, name: str) -> bytes | None:
        """A file stored with the version."""
        path = self._view.path / files.BLOBS / checked_blob(name)
        return path.read_bytes() if path.is_file() else None

    def blobs(self) -> list[str]:
        """The files stored with the version."""
        self._open()
        return sorted(path.name for path in (self._view.path / files.BLOBS).iterdir())

    def points(self) -> Iterator[list[Point]]:
        """By scrolling, which goes by id."""
        for batch in engine.everything(self._open()):
            yield [engine.read(record) for record in batch]

    def close(self) -> None:
        """Close the shard and remove the view."""
        with self._closing:
            shard, self._shard = self._shard, None
            if shard is not None:
                shard.close()
            self._view.remove()

    def _open(self) -> qdrant_edge.EdgeShard:
        shard = self._shard
        if shard is None:
            raise Conflict("this reader is closed", field="index")
        return shard

    def _scores(self, requests: Iterable[qdrant_edge.QueryRequest]) -> list[Scores]:
        import qdrant_edge as edge

        asked = list(requests)
        wanted = [number for number, request in enumerate(asked) if request.limit]
        answers: list[Scores] = [{} for _ in asked]
        if wanted:
            batch = edge.QueryBatchRequest([asked[number] for number in wanted])
            for number, points in zip(wanted, self._open().query_batch(batch), strict=True):
                answers[number] = {str(point.id): point.score for point in points}
        return answers


def open_reader(index: str, version: str, folder: Path) -> EdgeReader:
    """Open the version in `folder` through a view. Raises NotFound where it is dropped meanwhile."""
    view = OwnedFolder(folder.parent.parent / files.VIEWS)
    try:
        files.link_view(folder, view.path)
        return EdgeReader(index, version, view, engine.load(view.path / files.SHARD))
    except FileNotFoundError:
        view.remove()
        raise no_version(index, version) from None
    except BaseException:
        view.remove()
        raise


def _these(points: Iterable[str]) -> qdrant_edge.Filter:
    import qdrant_edge as edge

    return edge.Filter(must=[edge.HasIdCondition({uuid.UUID(point) for point in points})])
