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
from groundwork.retrieval.index.server_place import CHUNK, Place
from groundwork.retrieval.index.ties import Scores, merged, settled

if TYPE_CHECKING:
    from qdrant_client import models

    from groundwork.retrieval.index.base import Vector

# Up to here a scan of all vectors takes a few milliseconds and misses nothing.
_EXACT_BELOW = 100_000
_BATCH = 256


class ServerReader:
    """One version, by its place and not by an alias that moves. Of a place that tenants share it reads one alone."""

    def __init__(
        self,
        calls: Calls,
        index: str,
        version: str,
        place: Place,
        options: ServerOptions | None = None,
    ) -> None:
        self.index = index
        self.version = version
        self._calls = calls
        self._place: Place | None = place
        self._options = options or ServerOptions()
        self._exact: bool | None = None

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Both rankings in one request, then each one's missing scores of the other's finds."""
        from qdrant_client import models

        allowed = layout.condition(self._open(), where)
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
            (nearest, len(lacking_dense), self._these(lacking_dense)),
            (matching, len(lacking_sparse), self._these(lacking_sparse)),
            exact=True,
        )
        return merged(by_dense | more_dense, by_sparse | more_sparse)

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """Payloads, in the order asked."""
        place = self._open()
        keys = {place.key(point): point for point in ids}
        records = self._calls(
            self._calls.client.retrieve,
            place.collection,
            list(keys),
            with_payload=True,
            with_vectors=False,
        )
        found = {keys[str(record.id)]: record.payload for record in records}
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
        """By scrolling, which goes by id; a tenant's ids are made of its chunks', so those are put in order first."""
        place = self._open()
        if place.tenant is None:
            for batch in layout.chunks(self._calls, place):
                yield [layout.read(record) for record in batch]
            return
        ids = sorted(layout.chunk_ids(self._calls, place))
        for start in range(0, len(ids), _BATCH):
            records = self._calls(
                self._calls.client.retrieve,
                place.collection,
                [place.key(chunk) for chunk in ids[start : start + _BATCH]],
                with_payload=True,
                with_vectors=True,
            )
            yield sorted(map(layout.read, records), key=lambda point: point.chunk.id)

    def close(self) -> None:
        """The store owns the connection; nothing else is held."""
        self._place = None

    def _open(self) -> Place:
        if self._place is None:
            raise Conflict("this reader is closed", field="index")
        return self._place

    def _these(self, points: Iterable[str]) -> models.Filter:
        return layout.these(self._open(), list(points))

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
                exact=exact,
                quantization=None if exact else self._options.rescoring(),
                idf=self._corpus() if using == layout.BM25 else None,
            ),
            with_payload=[CHUNK] if self._open().tenant is not None else False,
            with_vector=False,
        )

    def _scores(self, asked: Sequence[models.QueryRequest | None]) -> list[Scores]:
        requests = [request for request in asked if request is not None]
        if not requests:
            return [{} for _ in asked]
        collection = self._open().collection
        answers = iter(self._calls(self._calls.client.query_batch_points, collection, requests))
        return [
            {}
            if request is None
            else {layout.chunk_of(point): float(point.score) for point in next(answers).points}
            for request in asked
        ]

    def _corpus(self) -> models.IdfCorpusParams | None:
        """How rare a term is counts among the version's own chunks, whoever else shares the collection."""
        from qdrant_client import models

        conditions = self._open().conditions()
        return models.IdfCorpusParams(corpus=models.Filter(must=conditions)) if conditions else None

    def _small(self) -> bool:
        if self._exact is None:
            self._exact = layout.about(self._calls, self._open()) < _EXACT_BELOW
        return self._exact
