"""The part of a Qdrant server's REST interface that the store uses, on loopback.

Requests are read by the models of Qdrant's own client, and points are held and searched by its local mode. What that
mode has not is made here: payload indexes, quantisation and shards of a collection, writes that are applied later,
snapshots, which the server fetches by HTTP from wherever it is told, and the state of a cluster.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

Answer = Any


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


@dataclass
class Held:
    """What a server knows of a collection beside its points."""

    created: models.CreateCollection
    indexes: dict[str, Any] = field(default_factory=dict)
    snapshots: dict[str, bytes] = field(default_factory=dict)
    later: list[Callable[[], object]] = field(default_factory=list)


class QdrantDouble:
    """The state; `asked` lists "METHOD path" of every request. Knobs are attributes."""

    def __init__(self) -> None:
        self.url = ""
        self.api_key: str | None = None
        self.peers = 1
        self.version = "1.20.0"
        self.asked: list[str] = []
        self.upserted: list[str] = []
        self.forbidden: set[str] = set()
        # What the next requests of an operation answer instead: (status, what is said).
        self.failures: dict[str, list[tuple[int, str]]] = {}
        self.lose_points_on_recovery = 0
        self.held: dict[str, Held] = {}
        self._client = QdrantClient(":memory:")
        self._lock = threading.RLock()

    def close(self) -> None:
        self._client.close()

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.asked.append(f"{method} {path}")
            for pattern, verb, name in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and verb == method:
                    if name in self.forbidden:
                        raise Refusal(403, "forbidden")
                    if self.failures.get(name):
                        raise Refusal(*self.failures[name].pop(0))
                    handler = getattr(self, f"_{name}")
                    return handler(*found.groups(), query=query, body=body)
        raise Refusal(404, f"no such path {path}")

    def _root(self, **_: Any) -> Answer:
        # The only answer that is no result of an operation.
        return json.dumps({"title": "qdrant", "version": self.version}).encode()

    # Collections.

    def _collections(self, **_: Any) -> Answer:
        return {"collections": [{"name": name} for name in sorted(self.held)]}

    def _create(self, name: str, *, body: bytes, **_: Any) -> Answer:
        if name in self.held:
            raise Refusal(409, f"collection {name} already exists")
        self._make(name, models.CreateCollection.model_validate_json(body))
        return True

    def _make(self, name: str, created: models.CreateCollection) -> None:
        self._client.create_collection(
            name,
            vectors_config=created.vectors,
            sparse_vectors_config=created.sparse_vectors,
        )
        self.held[name] = Held(created)

    def _exists(self, name: str, **_: Any) -> Answer:
        return {"exists": name in self.held}

    def _delete(self, name: str, **_: Any) -> Answer:
        if self.held.pop(name, None) is None:
            return False
        self._client.delete_collection(name)
        return True

    def _info(self, name: str, **_: Any) -> Answer:
        created = self._of(name).created
        info = self._client.get_collection(name)
        info.config.params.shard_number = created.shard_number or 1
        info.config.params.replication_factor = created.replication_factor or 1
        info.config.quantization_config = created.quantization_config
        return info

    def _update(self, name: str, *, body: bytes, **_: Any) -> Answer:
        change = models.UpdateCollection.model_validate_json(body)
        held = self._of(name)
        if change.quantization_config is not None:
            off = change.quantization_config == models.Disabled.DISABLED
            held.created.quantization_config = None if off else change.quantization_config  # type: ignore[assignment]
        for vector, diff in (change.vectors or {}).items():
            held.created.vectors[vector].on_disk = diff.on_disk  # type: ignore[index]
        return True

    def _index(self, name: str, *, body: bytes, **_: Any) -> Answer:
        wanted = models.CreateFieldIndex.model_validate_json(body)
        self._of(name).indexes[wanted.field_name] = wanted.field_schema
        return {"operation_id": 1, "status": "completed"}

    # Points.

    def _upsert(self, name: str, *, query: dict[str, str], body: bytes) -> Answer:
        points = models.PointsList.model_validate_json(body).points
        held = self._of(name)
        self.upserted += [str(point.id) for point in points]
        return self._applied(held, query, lambda: self._client.upsert(name, points))

    def _remove(self, name: str, *, query: dict[str, str], body: bytes) -> Answer:
        selector = TypeAdapter(models.PointsSelector).validate_json(body)
        held = self._of(name)
        return self._applied(held, query, lambda: self._client.delete(name, selector))

    def _payload(self, name: str, *, query: dict[str, str], body: bytes) -> Answer:
        change = models.SetPayload.model_validate_json(body)
        held = self._of(name)
        points = change.points or change.filter
        assert points is not None
        return self._applied(
            held, query, lambda: self._client.set_payload(name, change.payload, points)
        )

    def _applied(self, held: Held, query: dict[str, str], work: Callable[[], object]) -> Answer:
        """In order; only what waits is there afterwards."""
        held.later.append(work)
        if query.get("wait") != "true":
            return {"operation_id": 1, "status": "acknowledged"}
        for each in held.later:
            each()
        held.later.clear()
        return {"operation_id": 1, "status": "completed"}

    def _retrieve(self, name: str, *, body: bytes, **_: Any) -> Answer:
        self._of(name)
        wanted = models.PointRequest.model_validate_json(body)
        return self._client.retrieve(
            name,
            wanted.ids,
            with_payload=wanted.with_payload if wanted.with_payload is not None else True,
            with_vectors=wanted.with_vector or False,
        )

    def _scroll(self, name: str, *, body: bytes, **_: Any) -> Answer:
        self._of(name)
        wanted = models.ScrollRequest.model_validate_json(body)
        points, following = self._client.scroll(
            name,
            scroll_filter=wanted.filter,
            limit=wanted.limit or 10,
            offset=wanted.offset,
            with_payload=wanted.with_payload if wanted.with_payload is not None else True,
            with_vectors=wanted.with_vector or False,
        )
        return {"points": points, "next_page_offset": following}

    def _count(self, name: str, *, body: bytes, **_: Any) -> Answer:
        self._of(name)
        wanted = models.CountRequest.model_validate_json(body)
        return self._client.count(name, wanted.filter, exact=True)

    def _query(self, name: str, *, body: bytes, **_: Any) -> Answer:
        self._of(name)
        wanted = models.QueryRequestBatch.model_validate_json(body)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._client.query_batch_points(name, wanted.searches)

    # Aliases.

    def _aliases(self, **_: Any) -> Answer:
        return self._client.get_aliases()

    def _realias(self, *, body: bytes, **_: Any) -> Answer:
        change = models.ChangeAliasesOperation.model_validate_json(body)
        for action in change.actions:
            if isinstance(action, models.CreateAliasOperation):
                self._of(action.create_alias.collection_name)
        return self._client.update_collection_aliases(change.actions)

    # Snapshots and the cluster.

    def _snapshot(self, name: str, **_: Any) -> Answer:
        held = self._of(name)
        points, _end = self._client.scroll(name, limit=10**6, with_payload=True, with_vectors=True)
        content = json.dumps(
            {
                "config": held.created.model_dump(mode="json", exclude_none=True),
                "points": [point.model_dump(mode="json", exclude_none=True) for point in points],
            }
        ).encode()
        snapshot = f"{name}-{len(held.snapshots)}.snapshot"
        held.snapshots[snapshot] = content
        return self._described(snapshot, content)

    def _snapshots(self, name: str, **_: Any) -> Answer:
        return [self._described(*each) for each in self._of(name).snapshots.items()]

    def _described(self, name: str, content: bytes) -> Answer:
        checksum = hashlib.sha256(content).hexdigest()
        return {"name": name, "size": len(content), "checksum": checksum}

    def _download(self, name: str, snapshot: str, **_: Any) -> Answer:
        return self._of(name).snapshots[snapshot]

    def _forget(self, name: str, snapshot: str, **_: Any) -> Answer:
        return self._of(name).snapshots.pop(snapshot, None) is not None

    def _recover(self, name: str, *, body: bytes, **_: Any) -> Answer:
        wanted = models.SnapshotRecover.model_validate_json(body)
        headers = {"api-key": wanted.api_key} if wanted.api_key else {}
        content = self._fetched(wanted.location, headers)
        if wanted.checksum and hashlib.sha256(content).hexdigest() != wanted.checksum:
            raise Refusal(400, "snapshot checksum mismatch")
        data = json.loads(content)
        config = models.CreateCollection.model_validate(data["config"])
        if name in self.held:
            if self.held[name].created.vectors.keys() != config.vectors.keys():  # type: ignore[union-attr]
                raise Refusal(400, "snapshot is not compatible with existing collection")
            self._delete(name)
        self._make(name, config)
        points = [models.PointStruct.model_validate(p) for p in data["points"]]
        kept = points[: len(points) - self.lose_points_on_recovery]
        if kept:
            self._client.upsert(name, kept)
        return True

    def _fetched(self, location: str, headers: dict[str, str]) -> bytes:
        """Without the lock: the server fetches from itself."""
        self._lock.release()
        try:
            request = urllib.request.Request(location, headers=headers)  # noqa: S310  a URL of the tests
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise Refusal(400, f"cannot fetch the snapshot: {error.code}") from error
        except (OSError, ValueError) as error:
            raise Refusal(500, f"cannot fetch the snapshot: {error}") from error
        finally:
            self._lock.acquire()

    def _cluster(self, **_: Any) -> Answer:
        if self.peers == 1:
            return {"status": "disabled"}
        peers = {str(n): {"uri": f"http://node{n}:6335/"} for n in range(self.peers)}
        raft = {"term": 1, "commit": 1, "pending_operations": 0, "is_voter": True}
        return {
            "status": "enabled", "peer_id": 0, "peers": peers, "raft_info": raft,
            "consensus_thread_status": {
                "consensus_thread_status": "working", "last_update": "2026-01-01T00:00:00Z",
            },
            "message_send_failures": {},
        }  # fmt: skip

    def _of(self, name: str) -> Held:
        if name not in self.held:
            raise Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        return self.held[name]


_C = r"/collections/([^/]+)"
ROUTES = [
    (r"/", "GET", "root"),
    (r"/collections", "GET", "collections"),
    (r"/collections/aliases", "POST", "realias"),
    (r"/aliases", "GET", "aliases"),
    (r"/cluster", "GET", "cluster"),
    (_C, "PUT", "create"),
    (_C, "GET", "info"),
    (_C, "PATCH", "update"),
    (_C, "DELETE", "delete"),
    (_C + "/exists", "GET", "exists"),
    (_C + "/index", "PUT", "index"),
    (_C + "/points", "PUT", "upsert"),
    (_C + "/points", "POST", "retrieve"),
    (_C + "/points/delete", "POST", "remove"),
    (_C + "/points/payload", "POST", "payload"),
    (_C + "/points/scroll", "POST", "scroll"),
    (_C + "/points/count", "POST", "count"),
    (_C + "/points/query/batch", "POST", "query"),
    (_C + "/snapshots", "POST", "snapshot"),
    (_C + "/snapshots", "GET", "snapshots"),
    (_C + "/snapshots/recover", "PUT", "recover"),
    (_C + "/snapshots/([^/]+)", "GET", "download"),
    (_C + "/snapshots/([^/]+)", "DELETE", "forget"),
]


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True)


class _Handler(BaseHTTPRequestHandler):
    double: QdrantDouble
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._check_key()
            result = self.double.answer(self.command, parts.path, query, body)
        except Refusal as refusal:
            said = {"status": {"error": refusal.said}, "time": 0.0}
            self._send(refusal.status, json.dumps(said).encode())
            return
        if isinstance(result, bytes):
            self._send(200, result)
            return
        text = json.dumps({"result": result, "status": "ok", "time": 0.0}, default=_plain)
        self._send(200, text.encode())

    def _check_key(self) -> None:
        key = self.double.api_key
        if key is not None and self.headers.get("api-key") != key:
            raise Refusal(401, "Must provide an API key")

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815  the names http.server looks for

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as it is named there
        """Nothing."""


@contextmanager
def running_double() -> Iterator[QdrantDouble]:
    """A server of its own, empty."""
    double = QdrantDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        double.close()
