"""Qdrant Edge, as these versions use it: one dense and one sparse vector a point, four filter fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Unavailable
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import Filter, Point, SparseVector

if TYPE_CHECKING:
    import qdrant_edge

DENSE = "dense"
BM25 = "bm25"
_SCROLL = 512
# Two lost none of the first 46 in 200 searches of 50,000 vectors; four cost as much.
_OVERSAMPLING = 4.0


@dataclass(frozen=True, slots=True)
class Packing:
    """When vectors are kept packed too: int8, a quarter of the bytes a scan reads, scored again by the vectors.

    From `packed_from` kilobytes of vectors in one segment on `optimize` packs it, which takes 0.02 CPU-seconds a
    thousand points. From `graph_from` points on it builds a graph as well, a hundred times dearer. Figures:
    docs/decisions/search-latency.md.
    """

    packed_from: int = 8192
    graph_from: int = 500_000
    # Neighbours of a point in the graph; 0 is no graph.
    edges: int = 16

    def packs(self, points: int, dimension: int) -> bool:
        """Whether there is anything to pack."""
        return points * dimension * 4 >= self.packed_from * 1024


def configuration(
    dimension: int, packing: Packing, *, graph: bool = False
) -> qdrant_edge.EdgeConfig:
    """How a shard is laid out. Vectors are normalised already, so the dot product is the cosine."""
    import qdrant_edge as edge

    # The outermost percent would stretch the scale of all others.
    int8 = edge.ScalarQuantizationConfig(
        edge.ScalarType.Int8, quantile=0.99, memory=edge.Memory.Pinned
    )
    dense = edge.EdgeVectorParams(
        size=dimension, distance=edge.Distance.Dot, quantization_config=int8
    )
    return edge.EdgeConfig(
        vectors={DENSE: dense},
        sparse_vectors={BM25: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        hnsw_config=edge.HnswIndexConfig(
            m=packing.edges if graph else 0, ef_construct=100, full_scan_threshold=10_000
        ),
        optimizers=edge.EdgeOptimizersConfig(
            indexing_threshold=packing.packed_from, default_segment_number=1
        ),
    )


def create(folder: Path, config: qdrant_edge.EdgeConfig) -> qdrant_edge.EdgeShard:
    """An empty shard."""
    import qdrant_edge as edge

    folder.mkdir()
    shard = edge.EdgeShard.create(str(folder), config)
    # Without these a filter reads every payload: 140 ms at 50,000 points where 1.5 will do.
    for field in codec.FILTER_FIELDS.values():
        shard.update(edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Keyword))
    return shard


def load(folder: Path, config: qdrant_edge.EdgeConfig | None = None) -> qdrant_edge.EdgeShard:
    """An existing shard, from now on laid out by `config`. Raises Unavailable where its files are damaged or held."""
    import qdrant_edge as edge

    try:
        return edge.EdgeShard.load(str(folder), config)
    except Exception as error:
        raise Unavailable(
            f"the index version at {folder.parent} cannot be opened: {error}"
        ) from error


def record(point: Point) -> qdrant_edge.Point:
    """A point as the engine takes it."""
    import qdrant_edge as edge

    return edge.Point(
        point.chunk.id,
        {DENSE: point.dense.tolist(), BM25: sparse(point.sparse)},
        codec.to_payload(point),
    )


def read(record: qdrant_edge.Point) -> Point:
    """A point as the engine gave it."""
    vectors: Any = record.vector
    terms = vectors[BM25]
    return codec.to_point(
        str(record.id), record.payload or {}, vectors[DENSE], (terms.indices, terms.values)
    )


def sparse(vector: SparseVector) -> qdrant_edge.SparseVector:
    """A sparse vector as the engine takes it."""
    import qdrant_edge as edge

    return edge.SparseVector(list(vector.indices), list(vector.values))


def upsert(shard: qdrant_edge.EdgeShard, records: Sequence[qdrant_edge.Point]) -> None:
    """Add or replace."""
    import qdrant_edge as edge

    if records:
        shard.update(edge.UpdateOperation.upsert_points(list(records)))


def everything(shard: qdrant_edge.EdgeShard) -> Iterator[list[qdrant_edge.Point]]:
    """All points, in batches, ready to be stored again."""
    import qdrant_edge as edge

    offset: Any = None
    while True:
        asked = edge.ScrollRequest(
            offset=offset, limit=_SCROLL, with_payload=True, with_vector=True
        )
        found, offset = shard.scroll(asked)
        yield [edge.Point(point.id, point.vector or {}, point.payload) for point in found]
        if offset is None:
            return


def searching(*, exact: bool) -> qdrant_edge.SearchParams:
    """Packed vectors find four times as many as are wanted, and the vectors themselves decide among those."""
    import qdrant_edge as edge

    if exact:
        return edge.SearchParams(exact=True)
    again = edge.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING)
    return edge.SearchParams(quantization=again)


def condition(where: Filter | None) -> qdrant_edge.Filter | None:
    """A filter as the engine takes it."""
    if not where:
        return None
    import qdrant_edge as edge

    return edge.Filter(
        must=[
            edge.FieldCondition(key=field, match=edge.MatchAny(values))
            for field, values in codec.wanted(where).items()
        ]
    )
