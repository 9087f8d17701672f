"""Reading an index version on a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Conflict
from groundwork.retrieval.index import codec
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.base import Candidate, Filter, Point, SparseVector, Stored
from groundwork.retrieval.index.names import checked_blob
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_options import ServerOptions
from groundwork.retrieval.index.ties import Scores, merged, settled

if TYPE_CHECKING:
    from qdrant_client import models

    from groundwork.retrieval.index.base import Vector

# Up to here a scan of all vectors takes a few milliseconds and misses nothing.
_EXACT_BELOW = 100_000


class ServerReader:
    """One version: its collection by its own name, so that no alias that moves changes the answers."""

    def __init__(
        self,
        calls: Calls,
        index: str,
        version: str,
        collection: str,
        options: ServerOptions | None = None,
    ) -> None:
        self.index = index
        self.version = version
        self._calls = calls
        self._collection: str | None = collection
        self._options = options or ServerOptions()
        self._exact: bool | None = None

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Both rankings in one request, then each one's missing scores of the other's finds."""
        from qdrant_client import models

        allowed = layout.condition(where)
        nearest = (layout.DENSE, dense.tolist())
        terms = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        matching = (layout.BM25, terms)

        def ask(
            *wanted: tuple[tuple[str, Any], int, models.Filter | None], exact: bool = False
        ) -> list[Scores]:
            return self._scores([self._request(*one, exact=exact) for one in wanted])

        by_dense, by_sparse = settled(
            lambda sizes: ask((nearest, sizes[0], allowed), (matching, sizes[1], allowed)), limit
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
        records = self._calls(
            self._calls.client.retrieve,
            self._open(),
            list(ids),
            with_payload=True,
            with_vectors=False,
        )
        found = {str(record.id): record.payload for record in records}
        return [
            codec.from_payload(point, payload) for point in ids if (payload := found.get(point))
        ]

    def blob(self, name: str) -> bytes | None:
        """A blob, put together from its parts."""
        return layout.read_blob(self._calls, self._open(), checked_blob(name))

    def blobs(self) -> list[str]:
        """Of the first parts, which name their blob; the store's own begin with a dot."""
        return sorted(
            name
            for name in layout.blob_names(self._calls, self._open())
            if not name.startswith(".")
        )

    def points(self) -> Iterator[list[Point]]:
        """By scrolling, which goes by id."""
        for batch in layout.chunks(self._calls, self._open()):
            yield [layout.read(record) for record in batch]

    def close(self) -> None:
        """The store owns the connection; nothing else is held."""
        self._collection = None

    def _open(self) -> str:
        if self._collection is None:
            raise Conflict("this reader is closed", field="index")
        return self._collection

    def _request(
        self,
        query: tuple[str, Any],
        limit: int,
        condition: models.Filter | None,
        *,
        exact: bool,
    ) -> models.QueryRequest | None:
        from qdrant_client import models

        using, vector = query
        if not limit or (using == layout.BM25 and not vector.indices):
            return None
        # An exact search reads the vectors themselves, packed or not.
        exact = self._small() or exact
        return models.QueryRequest(
            query=vector,
            using=using,
            limit=limit,
            filter=condition,
            params=models.SearchParams(
                exact=exact, quantization=None if exact else self._options.rescoring()
            ),
            with_payload=False,
            with_vector=False,
        )

    def _scores(self, asked: Sequence[models.QueryRequest | None]) -> list[Scores]:
        requests = [request for request in asked if request is not None]
        if not requests:
            return [{} for _ in asked]
        answers = iter(self._calls(self._calls.client.query_batch_points, self._open(), requests))
        return [
            {}
            if request is None
            else {str(point.id): float(point.score) for point in next(answers).points}
            for request in asked
        ]

    def _small(self) -> bool:
        if self._exact is None:
            answer = self._calls(self._calls.client.count, self._open(), exact=False)
            self._exact = answer.count < _EXACT_BELOW
        return self._exact


def _these(points: Iterable[str]) -> models.Filter:
    from qdrant_client import models

    return models.Filter(must=[models.HasIdCondition(has_id=list(points))])
