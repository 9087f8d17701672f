"""How index versions lie on a Qdrant server.

    <index>__data-<time>-<random>     collection: a version's points and, without vectors, its blobs in parts
    <index>__<version>                alias, made when the version is sealed: what has none is not visible
    <index>__live, <index>__previous  aliases of the collections that are live and were live before

Aliases move several at a time in one atomic operation. A collection without a version's alias is under
construction as long as its builder gives signs of life, and rubbish afterwards.
"""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import Filter, Point
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_options import ServerOptions

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
_NAMESPACE = uuid.UUID("0b0f8f0e-52f4-5d0c-8a3e-7f6b9f0c7d51")
_VERSION_ALIAS = re.compile(r"(?P<index>[a-z0-9][a-z0-9_-]*?)__(?P<version>[0-9a-f]{16})")
_DATA = re.compile(r"(?P<index>[a-z0-9][a-z0-9_-]*?)__data-(?P<began>[0-9a-f]{8})-[0-9a-f]{8}")


def data_collection(index: str, now: float) -> str:
    """A name nobody else takes, which tells when it was begun."""
    return f"{index}__data-{int(now):08x}-{secrets.token_hex(4)}"


def began(collection: str, index: str) -> float | None:
    """When a collection of this index was begun, in seconds since 1970; None for other collections."""
    match = _DATA.fullmatch(collection)
    return float(int(match["began"], 16)) if match and match["index"] == index else None


def version_alias(index: str, version: str) -> str:
    """The alias that makes a version visible."""
    return f"{index}__{version}"


def role_alias(index: str, role: str) -> str:
    """The alias of what is live, or was."""
    return f"{index}__{role}"


class Aliases:
    """All aliases of a server at one moment."""

    def __init__(self, calls: Calls) -> None:
        answer = calls(calls.client.get_aliases)
        self._targets = {entry.alias_name: entry.collection_name for entry in answer.aliases}

    def collection(self, index: str, version: str) -> str | None:
        """Where a sealed version lies."""
        return self._targets.get(version_alias(index, version))

    def role(self, index: str, role: str) -> str | None:
        """The version that is live, or was."""
        target = self._targets.get(role_alias(index, role))
        held = {collection: version for version, collection in self.versions(index).items()}
        return held.get(target) if target is not None else None

    def versions(self, index: str) -> dict[str, str]:
        """The sealed versions of an index and their collections."""
        return {
            match["version"]: collection
            for alias, collection in self._targets.items()
            if (match := _VERSION_ALIAS.fullmatch(alias)) and match["index"] == index
        }

    def indexes(self) -> set[str]:
        """The indexes that have a sealed version."""
        matches = (_VERSION_ALIAS.fullmatch(alias) for alias in self._targets)
        return {match["index"] for match in matches if match}

    def used(self) -> set[str]:
        """The collections that any alias points at."""
        return set(self._targets.values())


def create_collection(calls: Calls, name: str, dimension: int, options: ServerOptions) -> None:
    """An empty collection. Vectors are normalised already, so the dot product is the cosine."""
    from qdrant_client import models

    dense = models.VectorParams(
        size=dimension, distance=models.Distance.DOT, on_disk=options.quantised
    )
    calls.once(
        calls.client.create_collection,
        name,
        vectors_config={DENSE: dense},
        sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        quantization_config=options.packing(),
        shard_number=options.shards,
        replication_factor=options.replicas,
    )
    for field in codec.FILTER_FIELDS.values():
        calls(
            calls.client.create_payload_index,
            name,
            field,
            field_schema=models.PayloadSchemaType.KEYWORD,
            wait=True,
        )


def record(point: Point) -> models.PointStruct:
    """A point as the server takes it."""
    from qdrant_client import models

    sparse = models.SparseVector(
        indices=list(point.sparse.indices), values=list(point.sparse.values)
    )
    return models.PointStruct(
        id=point.chunk.id,
        vector={DENSE: point.dense.tolist(), BM25: sparse},
        payload=codec.to_payload(point),
    )


def again(stored: models.Record) -> models.PointStruct:
    """A point as it is stored once more."""
    from qdrant_client import models

    return models.PointStruct(id=stored.id, vector=stored.vector or {}, payload=stored.payload)


def read(stored: models.Record) -> Point:
    """A point as the server gave it."""
    vectors: Any = stored.vector
    terms = vectors[BM25]
    return codec.to_point(
        str(stored.id), stored.payload or {}, vectors[DENSE], (terms.indices, terms.values)
    )


def chunks(calls: Calls, collection: str) -> Iterator[list[models.Record]]:
    """All chunks of a collection with their vectors, in batches, by id."""
    yield from _scrolled(calls, collection, with_vectors=True, with_payload=True, blobs=False)


def blob_names(calls: Calls, collection: str) -> set[str]:
    """The blobs of a collection, the store's own among them."""
    pages = _scrolled(calls, collection, with_vectors=False, with_payload=[BLOB], blobs=True)
    return {str((record.payload or {})[BLOB]) for page in pages for record in page}


def count(calls: Calls, collection: str) -> int:
    """Chunks, exactly."""
    return int(calls(calls.client.count, collection, _which(blobs=False), exact=True).count)


def remove_blobs(calls: Calls, collection: str) -> None:
    """All of them, the store's own too: of a clone they are its model's."""
    calls(calls.client.delete, collection, _selector(_which(blobs=True)), wait=True)


def remove_blob(calls: Calls, collection: str, name: str) -> None:
    """One of them."""
    from qdrant_client import models

    this = models.FieldCondition(key=BLOB, match=models.MatchValue(value=name))
    calls(calls.client.delete, collection, _selector(models.Filter(must=[this])), wait=True)


def _selector(which: models.Filter) -> models.FilterSelector:
    from qdrant_client import models

    return models.FilterSelector(filter=which)


def _which(*, blobs: bool) -> models.Filter:
    from qdrant_client import models

    without = models.IsEmptyCondition(is_empty=models.PayloadField(key=BLOB))
    return models.Filter(must_not=[without]) if blobs else models.Filter(must=[without])


def _scrolled(
    calls: Calls, collection: str, *, blobs: bool, **wanted: Any
) -> Iterator[list[models.Record]]:
    offset: Any = None
    while True:
        found, offset = calls(
            calls.client.scroll,
            collection,
            scroll_filter=_which(blobs=blobs),
            limit=_SCROLL,
            offset=offset,
            **wanted,
        )
        yield found
        if offset is None:
            return


def condition(where: Filter | None) -> models.Filter | None:
    """A filter as the server takes it."""
    if not where:
        return None
    from qdrant_client import models

    return models.Filter(
        must=[
            models.FieldCondition(key=field, match=models.MatchAny(any=values))
            for field, values in codec.wanted(where).items()
        ]
    )


def write_blob(calls: Calls, collection: str, name: str, content: bytes) -> None:
    """Store a blob as points without vectors."""
    from qdrant_client import models

    parts = [
        content[start : start + _PART_BYTES]
        for start in range(0, max(len(content), 1), _PART_BYTES)
    ]
    for number, part in enumerate(parts):
        payload = {
            BLOB: name,
            "parts": len(parts),
            "data": base64.b64encode(part).decode(),
        }
        point = models.PointStruct(id=_part_id(name, number), vector={}, payload=payload)
        calls(calls.client.upsert, collection, [point], wait=True)


def read_blob(calls: Calls, collection: str, name: str) -> bytes | None:
    """A blob, put together again."""
    first = _parts(calls, collection, [_part_id(name, 0)])
    if not first:
        return None
    (begin,) = first.values()
    rest = [_part_id(name, number) for number in range(1, begin["parts"])]
    return b"".join([_data(begin), *_remaining(calls, collection, rest)])


def _remaining(calls: Calls, collection: str, ids: list[str]) -> Iterator[bytes]:
    # A few MB an answer, well below what proxies let through.
    for start in range(0, len(ids), 8):
        asked = ids[start : start + 8]
        found = _parts(calls, collection, asked)
        yield from (_data(found[part]) for part in asked)


def _parts(calls: Calls, collection: str, ids: list[str]) -> dict[str, Mapping[str, Any]]:
    records = calls(
        calls.client.retrieve, collection, list(ids), with_payload=True, with_vectors=False
    )
    return {str(record.id): record.payload or {} for record in records}


def _data(payload: Mapping[str, Any]) -> bytes:
    return base64.b64decode(payload["data"])


def _part_id(name: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{name}\n{number}"))
