"""What a place on a Qdrant server holds: the chunks of a version, and its blobs as points without vectors."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Conflict, GroundworkError, NotFound
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import Filter, Point
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_options import ServerOptions
from groundwork.retrieval.index.server_place import CHUNK, TENANT, Place

if TYPE_CHECKING:
    from qdrant_client import models

DENSE = "dense"
BM25 = "bm25"
# The payload field that tells a blob's part from a chunk.
BLOB = "blob"
# Blobs of the store's own; no name from outside begins with a dot.
INFO = ".info"
SIGN = ".writer"
_PART_BYTES = 512 * 1024
_SCROLL = 256
# Neighbours a point has in the graph of its own tenant; there is no graph across tenants.
_TENANT_EDGES = 16


def create_place(calls: Calls, place: Place, dimension: int, options: ServerOptions) -> None:
    """Make the collection, empty; one that tenants share may be there already."""
    if place.tenant is None:
        _create_collection(calls, place, dimension, options)
        return
    with contextlib.suppress(Conflict):
        if not calls(calls.client.collection_exists, place.collection):
            _create_collection(calls, place, dimension, options)


def _create_collection(calls: Calls, place: Place, dimension: int, options: ServerOptions) -> None:
    """Vectors are normalised already, so the dot product is the cosine."""
    from qdrant_client import models

    shared = place.tenant is not None
    dense = models.VectorParams(
        size=dimension, distance=models.Distance.DOT, on_disk=options.quantised
    )
    calls.once(
        calls.client.create_collection,
        place.collection,
        vectors_config={DENSE: dense},
        sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        quantization_config=options.packing(),
        hnsw_config=models.HnswConfigDiff(m=0, payload_m=_TENANT_EDGES) if shared else None,
        shard_number=options.shards,
        replication_factor=options.replicas,
    )
    keyword = models.PayloadSchemaType.KEYWORD
    schemas: dict[str, Any] = dict.fromkeys(codec.FILTER_FIELDS.values(), keyword)
    if shared:
        schemas[TENANT] = models.KeywordIndexParams(
            type=models.KeywordIndexType.KEYWORD, is_tenant=True
        )
    for field, schema in schemas.items():
        calls(
            calls.client.create_payload_index,
            place.collection,
            field,
            field_schema=schema,
            wait=True,
        )


def clear(calls: Calls, place: Place) -> None:
    """Remove what lies there: the collection, or the tenant's share of it."""
    with contextlib.suppress(NotFound):
        if place.tenant is None:
            calls(calls.client.delete_collection, place.collection)
        else:
            everything = _selector(_all_of(place.conditions()))
            calls(calls.client.delete, place.collection, everything, wait=True)


def record(place: Place, point: Point) -> models.PointStruct:
    """A point as the server takes it."""
    from qdrant_client import models

    sparse = models.SparseVector(
        indices=list(point.sparse.indices), values=list(point.sparse.values)
    )
    return models.PointStruct(
        id=place.key(point.chunk.id),
        vector={DENSE: point.dense.tolist(), BM25: sparse},
        payload={**codec.to_payload(point), **_mark(place, point.chunk.id)},
    )


def again(place: Place, stored: models.Record) -> models.PointStruct:
    """A point as it is stored once more, elsewhere."""
    from qdrant_client import models

    chunk = chunk_of(stored)
    payload = {k: v for k, v in (stored.payload or {}).items() if k not in {TENANT, CHUNK}}
    return models.PointStruct(
        id=place.key(chunk),
        vector=stored.vector or {},
        payload={**payload, **_mark(place, chunk)},
    )


def _mark(place: Place, chunk: str) -> dict[str, str]:
    return {} if place.tenant is None else {TENANT: place.tenant, CHUNK: chunk}


def chunk_of(stored: models.Record | models.ScoredPoint) -> str:
    """The id of a point's chunk."""
    return str((stored.payload or {}).get(CHUNK, stored.id))


def read(stored: models.Record) -> Point:
    """A point as the server gave it."""
    vectors: Any = stored.vector
    terms = vectors[BM25]
    return codec.to_point(
        chunk_of(stored), stored.payload or {}, vectors[DENSE], (terms.indices, terms.values)
    )


def chunks(calls: Calls, place: Place) -> Iterator[list[models.Record]]:
    """All chunks of a place with their vectors, in batches, by the ids of their points."""
    yield from _scrolled(calls, place, with_vectors=True, with_payload=True, blobs=False)


def chunk_ids(calls: Calls, place: Place) -> list[str]:
    """The ids of a tenant's chunks."""
    pages = _scrolled(calls, place, with_vectors=False, with_payload=[CHUNK], blobs=False)
    return [chunk_of(record) for page in pages for record in page]


def blob_names(calls: Calls, place: Place) -> set[str]:
    """The blobs of a place, the store's own among them."""
    pages = _scrolled(calls, place, with_vectors=False, with_payload=[BLOB], blobs=True)
    return {str((record.payload or {})[BLOB]) for page in pages for record in page}


def count(calls: Calls, place: Place) -> int:
    """Chunks, exactly."""
    which = _which(place, blobs=False)
    return int(calls(calls.client.count, place.collection, which, exact=True).count)


def about(calls: Calls, place: Place) -> int:
    """Points, roughly and at once."""
    which = _all_of(place.conditions()) if place.tenant is not None else None
    return int(calls(calls.client.count, place.collection, which, exact=False).count)


def remove_blobs(calls: Calls, place: Place) -> None:
    """All of them, the store's own too: of a clone they are its model's."""
    calls(calls.client.delete, place.collection, _selector(_which(place, blobs=True)), wait=True)


def remove_blob(calls: Calls, place: Place, name: str) -> None:
    """One of them."""
    from qdrant_client import models

    this = models.FieldCondition(key=BLOB, match=models.MatchValue(value=name))
    which = _all_of([*place.conditions(), this])
    calls(calls.client.delete, place.collection, _selector(which), wait=True)


def condition(place: Place, where: Filter | None) -> models.Filter | None:
    """A filter as the server takes it."""
    from qdrant_client import models

    wanted = codec.wanted(where) if where else {}
    conditions: list[models.Condition] = [
        models.FieldCondition(key=field, match=models.MatchAny(any=values))
        for field, values in wanted.items()
    ]
    conditions += place.conditions()
    return _all_of(conditions) if conditions else None


def these(place: Place, points: Sequence[str]) -> models.Filter:
    """Chunks by id."""
    from qdrant_client import models

    ids: list[Any] = [place.key(point) for point in points]
    return models.Filter(must=[models.HasIdCondition(has_id=ids)])


def write_blob(calls: Calls, place: Place, name: str, content: bytes) -> None:
    """Store a blob as points without vectors."""
    from qdrant_client import models

    parts = [
        content[start : start + _PART_BYTES]
        for start in range(0, max(len(content), 1), _PART_BYTES)
    ]
    owner = {} if place.tenant is None else {TENANT: place.tenant}
    for number, part in enumerate(parts):
        payload = {
            **owner,
            BLOB: name,
            "parts": len(parts),
            "data": base64.b64encode(part).decode(),
        }
        point = models.PointStruct(id=place.part(name, number), vector={}, payload=payload)
        calls(calls.client.upsert, place.collection, [point], wait=True)


def read_blob(calls: Calls, place: Place, name: str) -> bytes | None:
    """A blob, put together again. Raises NotFound where the place itself is gone."""
    first = _parts(calls, place, [place.part(name, 0)])
    if not first:
        return None
    (begin,) = first.values()
    rest = [place.part(name, number) for number in range(1, begin["parts"])]
    return b"".join([_data(begin), *_remaining(calls, place, rest)])


def _remaining(calls: Calls, place: Place, ids: list[str]) -> Iterator[bytes]:
    # A few MB an answer, well below what proxies let through.
    for start in range(0, len(ids), 8):
        asked = ids[start : start + 8]
        found = _parts(calls, place, asked)
        if len(found) < len(asked):
            raise GroundworkError(f"a blob in {place.collection} has lost a part")
        yield from (_data(found[part]) for part in asked)


def _parts(calls: Calls, place: Place, ids: list[str]) -> dict[str, Mapping[str, Any]]:
    records = calls(
        calls.client.retrieve, place.collection, list(ids), with_payload=True, with_vectors=False
    )
    return {str(record.id): record.payload or {} for record in records}


def _data(payload: Mapping[str, Any]) -> bytes:
    return base64.b64decode(payload["data"])


def _all_of(conditions: Sequence[models.Condition]) -> models.Filter:
    from qdrant_client import models

    return models.Filter(must=list(conditions))


def _selector(which: models.Filter) -> models.FilterSelector:
    from qdrant_client import models

    return models.FilterSelector(filter=which)


def _which(place: Place, *, blobs: bool) -> models.Filter:
    from qdrant_client import models

    without = models.IsEmptyCondition(is_empty=models.PayloadField(key=BLOB))
    conditions = place.conditions()
    if blobs:
        return models.Filter(must=conditions or None, must_not=[without])
    return models.Filter(must=[*conditions, without])


def _scrolled(
    calls: Calls, place: Place, *, blobs: bool, **wanted: Any
) -> Iterator[list[models.Record]]:
    offset: Any = None
    while True:
        found, offset = calls(
            calls.client.scroll,
            place.collection,
            scroll_filter=_which(place, blobs=blobs),
            limit=_SCROLL,
            offset=offset,
            **wanted,
        )
        yield found
        if offset is None:
            return
