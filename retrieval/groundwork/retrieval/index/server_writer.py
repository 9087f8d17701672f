"""Building an index version on a Qdrant server."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from groundwork.core.errors import Conflict, GroundworkError, NotFound
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.base import MANIFEST, Point, version_info
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.names import checked_blob, checked_version
from groundwork.retrieval.index.server_calls import Calls

if TYPE_CHECKING:
    from qdrant_client import models

_BATCH = 128
# How often a builder says that it lives, and how long its silence has to last before it counts as dead.
_SIGN_SECONDS = 30.0
SILENCE_SECONDS = 600.0


class ServerWriter:
    """A version under construction, in a collection that only `seal` gives a visible name."""

    def __init__(
        self,
        calls: Calls,
        index: str,
        dimension: int,
        base: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = calls
        self._index = index
        self._dimension = dimension
        self._base = base
        self._clock = clock
        self._collection = ""
        self._removed: set[str] = set()
        self._parts: dict[str, int] = {}
        self._manifest: Manifest | None = None
        self._signed = 0.0
        self._open = False

    def __enter__(self) -> Self:
        _remove_dead(self._calls, self._index, self._clock())
        name = layout.data_collection(self._index, self._clock())
        layout.create_collection(self._calls, name, self._dimension)
        self._collection = name
        self._open = True
        try:
            self._sign()
            self._yield_to_others()
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
        if self._open:
            self._discard()

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points of the base. Before the first upsert they are never copied at all."""
        from qdrant_client import models

        self._check_open()
        points: list[Any] = list(ids)
        if self._base is not None:
            self._removed.update(points)
        elif points:
            selector = models.PointIdsList(points=points)
            self._calls(self._calls.client.delete, self._collection, selector, wait=True)

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace, a batch a request."""
        self._check_open()
        self._copy_base()
        self._store([layout.record(point) for point in points])

    def put_blob(self, name: str, content: bytes) -> None:
        """Store a blob in parts."""
        self._check_open()
        self._write(checked_blob(name), content)
        if name == MANIFEST:
            self._manifest = Manifest.from_json(content)

    def seal(self, version: str) -> None:
        """Check, then give the collection the version's name."""
        from qdrant_client import models

        self._check_open()
        alias = layout.version_alias(self._index, checked_version(version))
        if layout.Aliases(self._calls).collection(self._index, version) is not None:
            self._discard()
            return
        self._copy_base()
        manifest = self._checked()
        self._write(layout.INFO, orjson.dumps(version_info(manifest)))
        visible = models.CreateAlias(collection_name=self._collection, alias_name=alias)
        self._calls(
            self._calls.client.update_collection_aliases,
            [models.CreateAliasOperation(create_alias=visible)],
        )
        self._open = False

    def _yield_to_others(self) -> None:
        """Of two that begin at the same moment at least one sees the other; never do both go on."""
        for other in _building(self._calls, self._index):
            if other != self._collection:
                raise _taken(self._calls, self._index, other)

    def _checked(self) -> Manifest:
        if self._manifest is None:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        counted = self._calls(self._calls.client.count, self._collection, exact=True).count
        held = counted - sum(self._parts.values())
        if held != self._manifest.chunk_count:
            raise GroundworkError(
                f"the new version of {self._index} holds {held} chunks where its manifest counts "
                f"{self._manifest.chunk_count}; it was discarded and the live one is untouched"
            )
        return self._manifest

    def _copy_base(self) -> None:
        base, self._base = self._base, None
        if base is None:
            return
        for batch in layout.chunks(self._calls, base):
            self._store(
                [layout.again(point) for point in batch if str(point.id) not in self._removed]
            )

    def _store(self, records: Sequence[models.PointStruct]) -> None:
        for start in range(0, len(records), _BATCH):
            batch = list(records[start : start + _BATCH])
            self._calls(self._calls.client.upsert, self._collection, batch, wait=True)
            if self._clock() - self._signed > _SIGN_SECONDS:
                self._sign()

    def _write(self, name: str, content: bytes) -> None:
        self._parts[name] = layout.write_blob(self._calls, self._collection, name, content)

    def _sign(self) -> None:
        self._signed = self._clock()
        sign = {"host": socket.gethostname(), "process": os.getpid(), "at": self._signed}
        self._write(layout.SIGN, orjson.dumps(sign))

    def _discard(self) -> None:
        self._open = False
        # What cannot be deleted now is deleted by the next writer; the first error is what matters.
        with contextlib.suppress(GroundworkError):
            self._calls(self._calls.client.delete_collection, self._collection)

    def _check_open(self) -> None:
        if not self._open:
            raise Conflict("the version is sealed; nothing can change it", field="version")


def _building(calls: Calls, index: str) -> list[str]:
    """Collections of the index that no alias makes visible."""
    used = layout.Aliases(calls).used()
    names = [entry.name for entry in calls(calls.client.get_collections).collections]
    return [name for name in names if layout.began(name, index) is not None and name not in used]


def _remove_dead(calls: Calls, index: str, now: float) -> None:
    """Remove what killed builders left behind. Raises Conflict where one lives."""
    for name in _building(calls, index):
        sign = _sign_of(calls, name)
        seen = sign.get("at", layout.began(name, index) or 0.0)
        if now - seen < SILENCE_SECONDS and not _died_here(sign):
            raise _taken(calls, index, name)
        with contextlib.suppress(NotFound):
            calls(calls.client.delete_collection, name)


def _sign_of(calls: Calls, collection: str) -> dict[str, Any]:
    try:
        return dict(orjson.loads(layout.read_blob(calls, collection, layout.SIGN) or b"{}"))
    except NotFound:
        return {}


def _died_here(sign: dict[str, Any]) -> bool:
    """Whether the builder ran on this host and does no more."""
    if sign.get("host") != socket.gethostname():
        return False
    try:
        os.kill(sign["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _taken(calls: Calls, index: str, collection: str) -> Conflict:
    sign = _sign_of(calls, collection)
    holder = f"process {sign['process']} on {sign['host']}" if sign else "another process"
    return Conflict(
        f"{holder} is writing to index {index}; try again when it is done, or, if it was killed, "
        f"{SILENCE_SECONDS / 60:.0f} minutes after its last sign of life",
        field="index",
    )
