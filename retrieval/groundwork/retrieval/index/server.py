"""Index versions on a Qdrant server: one collection a version, the server's aliases, one code path with local mode.

    <index>__<version>         the points
    <index>__<version>__blobs  manifest, lexicon …, in parts; its `sealed` point makes the version visible
    <index>__live, <index>__previous   aliases, swapped in one operation

A version under construction is called <index>__building__<random>. Collections cannot be renamed, so its sealed
name is an alias too: readers never see the collection's own name.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from groundwork.core.errors import Conflict, IndexMissing, NotFound, Unavailable
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
from groundwork.retrieval.index.names import checked_index, is_version

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from groundwork.retrieval.index.base import Vector

MANIFEST = "manifest"
_DENSE = "dense"
_BM25 = "bm25"
_MARGIN = 16
_BATCH = 256
# Parts stay well below the server's limit of 32 MiB a request, base64 and all.
_PART_BYTES = 512 * 1024
_RETRIES = 3

_Result = TypeVar("_Result")


def connect(url: str, api_key: str | None, timeout: float) -> ServerStore:
    """A store on the server at `url`. Raises Unavailable where it does not answer."""
    from qdrant_client import QdrantClient

    client = QdrantClient(url=url, api_key=api_key, timeout=int(timeout) or 1)
    store = ServerStore(client, url)
    store.names()
    return store


class _Calls:
    """Sends calls, again where the transport failed, and tells failures in our own words."""

    def __init__(self, client: QdrantClient, where: str) -> None:
        self.client = client
        self._where = where

    def __call__(self, send: Callable[[QdrantClient], _Result]) -> _Result:
        from httpx import TransportError
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        reason = ""
        for _ in range(_RETRIES):
            try:
                return send(self.client)
            except (ResponseHandlingException, TransportError) as error:
                reason = str(error)
            except UnexpectedResponse as error:
                reason = f"HTTP {error.status_code} {error.reason_phrase}"
                break
        raise Unavailable(f"the Qdrant server at {self._where}: {reason}", field="index.url")


class ServerStore:
    """All indexes of one server. `where` names it in errors, without credentials."""

    def __init__(self, client: QdrantClient, where: str = "in process") -> None:
        self._call = _Calls(client, where)

    def names(self) -> list[str]:
        """Indexes with a sealed version."""
        return sorted({alias.split("__")[0] for alias in self._targets() if _version_of(alias)})

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        prefix = f"{checked_index(index)}__"
        found = []
        for alias in self._targets():
            version = _version_of(alias)
            if version and alias.startswith(prefix):
                found.append(
                    VersionInfo(**version_info(Manifest.from_json(self.manifest(index, version))))
                )
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version whose collection the server's alias points at."""
        targets = self._targets()
        collection = targets.get(f"{checked_index(index)}__{alias}")
        if collection is None:
            return None
        for name, target in targets.items():
            if target == collection and name.startswith(f"{index}__") and _version_of(name):
                return _version_of(name)
        return None

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob."""
        blob = _read_blob(self._call, self._collection(index, version), MANIFEST)
        if blob is None:
            raise NotFound(f"version {version} of {index} has no manifest", field="version")
        return blob

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> ServerWriter:
        """Start a version."""
        source = self._collection(index, base) if base else None
        return ServerWriter(self._call, checked_index(index), dimension, source)

    def open(self, index: str, version: str | None = None) -> ServerReader:
        """A reader holds the collection's own name, so that promotions do not move it."""
        wanted = version or self.alias(index)
        if wanted is None:
            raise IndexMissing(f"no index named {index} on the server", field="index")
        return ServerReader(self._call, index, wanted, self._collection(index, wanted))

    def promote(self, index: str, version: str) -> None:
        """One atomic alias operation."""
        from qdrant_client import models

        collection = self._collection(index, version)
        targets = self._targets()
        live, previous = f"{index}__{LIVE}", f"{index}__{PREVIOUS}"
        if targets.get(live) == collection:
            return
        changes: list[Any] = [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
            for name in (live, previous)
            if name in targets
        ]
        changes.append(_named(live, collection))
        if live in targets:
            changes.append(_named(previous, targets[live]))
        self._call(lambda client: client.update_collection_aliases(changes))

    def drop(self, index: str, version: str) -> None:
        """Hide the version first, then delete its collections."""
        from qdrant_client import models

        collection = self._collection(index, version)
        if version in {self.alias(index, LIVE), self.alias(index, PREVIOUS)}:
            raise Conflict(f"version {version} of {index} is live or previous", field="version")
        hide = models.DeleteAliasOperation(
            delete_alias=models.DeleteAlias(alias_name=f"{index}__{version}")
        )
        self._call(lambda client: client.update_collection_aliases([hide]))
        for name in (collection, f"{collection}__blobs"):
            self._call(lambda client, name=name: client.delete_collection(name))

    def close(self) -> None:
        """Close the connection."""
        self._call.client.close()

    def _collection(self, index: str, version: str) -> str:
        found = (
            self._targets().get(f"{checked_index(index)}__{version}")
            if is_version(version)
            else None
        )
        if found is None:
            raise NotFound(f"index {index} has no version {version}", field="version")
        return found

    def _targets(self) -> dict[str, str]:
        aliases = self._call(lambda client: client.get_aliases()).aliases
        return {alias.alias_name: alias.collection_name for alias in aliases}


def _version_of(alias: str) -> str | None:
    tail = alias.rpartition("__")[2]
    return tail if is_version(tail) else None


def _named(alias: str, collection: str) -> Any:
    from qdrant_client import models

    return models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
    )


class ServerWriter:
    """Fills a collection that no reader knows; sealing gives it the version's name."""

    def __init__(self, call: _Calls, index: str, dimension: int, base: str | None) -> None:
        self._call = call
        self._index = index
        self._dimension = dimension
        self._base = base
        self._collection = f"{index}__building__{secrets.token_hex(4)}"
        self._lock = f"{index}__writing"
        self._sealed = False
        self._has_manifest = False

    def __enter__(self) -> Self:
        self._hold()
        try:
            self._create()
            if self._base is not None:
                for batch in _scroll(self._call, self._base):
                    self._call(
                        lambda client, batch=batch: client.upsert(
                            self._collection, batch, wait=True
                        )
                    )
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points of the base."""
        points: list[Any] = list(ids)
        for start in range(0, len(points), _BATCH):
            piece = points[start : start + _BATCH]
            self._call(
                lambda client, piece=piece: client.delete(self._collection, piece, wait=True)
            )

    def upsert(self, points: Sequence[Point]) -> None:
        """In batches, each acknowledged."""
        from qdrant_client import models

        for start in range(0, len(points), _BATCH):
            rows = [
                models.PointStruct(
                    id=point.chunk.id,
                    vector={_DENSE: point.dense.tolist(), _BM25: _sparse(point.sparse)},
                    payload=codec.to_payload(point),
                )
                for point in points[start : start + _BATCH]
            ]
            self._call(lambda client, rows=rows: client.upsert(self._collection, rows, wait=True))

    def put_blob(self, name: str, content: bytes) -> None:
        """In parts, as payloads."""
        from qdrant_client import models

        parts = [content[at : at + _PART_BYTES] for at in range(0, len(content), _PART_BYTES)] or [
            b""
        ]
        for number, part in enumerate(parts):
            row = models.PointStruct(
                id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}/{number}")),
                vector={},
                payload={
                    "blob": name,
                    "part": number,
                    "of": len(parts),
                    "data": base64.b64encode(part).decode(),
                },
            )
            self._call(
                lambda client, row=row: client.upsert(
                    f"{self._collection}__blobs", [row], wait=True
                )
            )
        self._has_manifest = self._has_manifest or name == MANIFEST

    def seal(self, version: str) -> None:
        """Give the collection the version's name, unless a sealed one has it."""
        if not self._has_manifest:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        name = f"{self._index}__{version}"
        aliases = self._call(lambda client: client.get_aliases()).aliases
        if name not in {alias.alias_name for alias in aliases}:
            self._call(
                lambda client: client.update_collection_aliases([_named(name, self._collection)])
            )
            self._sealed = True

    def _hold(self) -> None:
        """An empty collection as a lock: creating one that exists fails, on the server, atomically."""
        if self._call(lambda client: client.collection_exists(self._lock)):
            raise Conflict(
                f"another process writes to index {self._index}; if it died, delete the collection {self._lock}",
                field="index",
            )
        self._call(lambda client: client.create_collection(self._lock, vectors_config={}))

    def _create(self) -> None:
        from qdrant_client import models

        self._call(
            lambda client: client.create_collection(
                self._collection,
                vectors_config={
                    _DENSE: models.VectorParams(size=self._dimension, distance=models.Distance.DOT)
                },
                sparse_vectors_config={
                    _BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
        )
        self._call(
            lambda client: client.create_collection(f"{self._collection}__blobs", vectors_config={})
        )
        for field in codec.FILTER_FIELDS.values():
            self._call(
                lambda client, field=field: client.create_payload_index(
                    self._collection, field, models.PayloadSchemaType.KEYWORD
                )
            )

    def _discard(self) -> None:
        names = [self._lock]
        if not self._sealed:
            names += [self._collection, f"{self._collection}__blobs"]
        for name in names:
            with contextlib.suppress(Unavailable):
                self._call(lambda client, name=name: client.delete_collection(name))


class ServerReader:
    """One version's collection."""

    def __init__(self, call: _Calls, index: str, version: str, collection: str) -> None:
        self.index = index
        self.version = version
        self._call = call
        self._collection = collection

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """Both rankings in one round trip, each one's missing scores in a second."""
        condition = _filter(where)
        vector = dense.tolist()
        terms = _sparse(sparse)
        found = self._query(
            [
                (_DENSE, vector, limit + _MARGIN, condition),
                (_BM25, terms, limit + _MARGIN, condition),
            ]
        )
        by_dense, by_sparse = (_best(scores, limit) for scores in found)
        more_dense, more_sparse = self._query(
            [
                (_DENSE, vector, limit, _these(by_sparse.keys() - by_dense.keys())),
                (_BM25, terms, limit, _these(by_dense.keys() - by_sparse.keys())),
            ]
        )
        by_dense.update(more_dense)
        by_sparse.update(more_sparse)
        return [
            Candidate(point, by_dense.get(point, 0.0), by_sparse.get(point, 0.0))
            for point in sorted(by_dense.keys() | by_sparse.keys())
        ]

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """Payloads, in the order asked."""
        records = self._call(
            lambda client: client.retrieve(self._collection, list(ids), with_payload=True)
        )
        found = {str(record.id): record.payload for record in records}
        return [
            codec.from_payload(point, payload)
            for point in ids
            if (payload := found.get(point)) is not None
        ]

    def blob(self, name: str) -> bytes | None:
        """A blob stored with the version."""
        return _read_blob(self._call, self._collection, name)

    def close(self) -> None:
        """The connection belongs to the store."""

    def _query(self, asked: Sequence[tuple[str, Any, int, Any]]) -> list[dict[str, float]]:
        from qdrant_client import models

        requests = [
            models.QueryRequest(query=vector, using=using, limit=limit, filter=condition)
            for using, vector, limit, condition in asked
        ]
        results = self._call(lambda client: client.query_batch_points(self._collection, requests))
        return [
            {str(point.id): float(point.score) for point in result.points} for result in results
        ]


def _best(scores: dict[str, float], limit: int) -> dict[str, float]:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:limit])


def _these(points: Iterable[str]) -> Any:
    from qdrant_client import models

    return models.Filter(must=[models.HasIdCondition(has_id=sorted(points))])


def _sparse(vector: SparseVector) -> Any:
    from qdrant_client import models

    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _filter(where: Filter | None) -> Any:
    if not where:
        return None
    from qdrant_client import models

    return models.Filter(
        must=[
            models.FieldCondition(key=field, match=models.MatchAny(any=values))
            for field, values in codec.wanted(where).items()
        ]
    )


def _scroll(call: _Calls, collection: str) -> Iterator[list[Any]]:
    from qdrant_client import models

    offset: Any = None
    while True:
        records, offset = call(
            lambda client, offset=offset: client.scroll(
                collection, limit=_BATCH, offset=offset, with_payload=True, with_vectors=True
            )
        )
        if records:
            yield [models.PointStruct(id=r.id, vector=r.vector, payload=r.payload) for r in records]
        if offset is None:
            return


def _read_blob(call: _Calls, collection: str, name: str) -> bytes | None:
    from qdrant_client import models

    wanted = models.Filter(
        must=[models.FieldCondition(key="blob", match=models.MatchValue(value=name))]
    )
    records, _ = call(
        lambda client: client.scroll(
            f"{collection}__blobs", scroll_filter=wanted, limit=10_000, with_payload=True
        )
    )
    parts = {record.payload["part"]: record.payload for record in records if record.payload}
    if not parts or len(parts) != next(iter(parts.values()))["of"]:
        return None
    return b"".join(base64.b64decode(parts[number]["data"]) for number in range(len(parts)))
