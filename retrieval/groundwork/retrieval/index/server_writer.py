"""Building an index version on a Qdrant server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import orjson

from groundwork.core.errors import Conflict, GroundworkError
from groundwork.retrieval.index import server_claim as claim
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.base import MANIFEST, Point, version_info
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.names import checked_blob, checked_version
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_clone import clone
from groundwork.retrieval.index.server_options import ServerOptions
from groundwork.retrieval.index.server_place import Aliases, Place
from groundwork.retrieval.index.server_points import PointSender

# How often a builder says that it lives.
_SIGN_SECONDS = 30.0


class ServerWriter:
    """A version under construction, in a place that only `seal` gives a visible name.

    `_lock` is the place that keeps others out: the version's own, or, where a dead builder's is taken over, one
    beside it.
    """

    def __init__(
        self,
        calls: Calls,
        index: str,
        dimension: int,
        base: Place | None,
        *,
        options: ServerOptions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = calls
        self._index = index
        self._dimension = dimension
        self._base = base
        self._options = options or ServerOptions()
        self._clock = clock
        self._lock = self._place = Place("")
        self._removed: set[str] = set()
        self._manifest: Manifest | None = None
        self._signed = 0.0
        self._open = False

    def __enter__(self) -> Self:
        dead = claim.left_behind(self._calls, self._index, self._clock())
        self._lock = self._place = claim.start(
            self._calls, self._index, self._dimension, self._clock(), self._options
        )
        self._open = True
        try:
            self._sign()
            claim.yield_to_others(self._calls, self._index, self._lock, dead)
            self._take_over(dead)
        except BaseException:
            self._discard()
            raise
        self._sender = PointSender(self._calls, self._place, resumed=self._place != self._lock)
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
        """Drop points of the base. Before the first upsert they are never copied one by one."""
        self._check_open()
        points = list(ids)
        if self._base is not None:
            self._removed.update(points)
        else:
            self._sender.remove(points)

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace, a batch a request."""
        self._check_open()
        self._copy_base()
        for _ in self._sender.send([layout.record(self._place, point) for point in points]):
            self._sign_now_and_then()

    def put_blob(self, name: str, content: bytes) -> None:
        """Store a blob in parts."""
        self._check_open()
        # A clone brings its model's blobs along and drops them: it has to come first.
        self._copy_base()
        layout.write_blob(self._calls, self._place, checked_blob(name), content)
        if name == MANIFEST:
            self._manifest = Manifest.from_json(content)

    def seal(self, version: str) -> None:
        """Check, then give the collection the version's name."""
        self._check_open()
        if Aliases(self._calls).place(self._index, checked_version(version)) is not None:
            self._discard()
            return
        self._copy_base()
        manifest = self._checked()
        # Whoever took this builder for dead has its collection: it is gone, or theirs.
        self._sign()
        info = orjson.dumps(version_info(manifest))
        layout.write_blob(self._calls, self._place, layout.INFO, info)
        layout.remove_blob(self._calls, self._place, layout.SIGN)
        claim.publish(self._calls, self._index, version, self._place)
        self._open = False
        if self._lock != self._place:
            claim.remove(self._calls, self._index, self._lock)

    @property
    def _work(self) -> dict[str, Any]:
        """What another builder must be making too to go on from here: a first version, laid out alike."""
        options = self._options
        shape = [self._dimension, options.quantisation, options.shards, options.replicas]
        base = self._base.collection if self._base is not None else None
        return {"base": base, "shape": shape}

    def _take_over(self, dead: list[claim.Left]) -> None:
        work = self._work
        for left in dead:
            alike = work["base"] is None and left.sign.get("work") == work
            alone = left.place.tenant is None and not self._options.shared
            if alike and alone and self._place == self._lock:
                self._place = left.place
            else:
                claim.remove(self._calls, self._index, left.place)

    def _checked(self) -> Manifest:
        """The manifest, which must agree with what the server holds when everything sent has arrived."""
        if self._manifest is None:
            raise Conflict("a version needs its manifest before it is sealed", field="version")
        held = self._sender.settled()
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
        if clone(self._calls, base, self._place, self._options):
            self._sign()
            self._sender.remove(list(self._removed))
            return
        if not claim.sign_of(self._calls, self._lock):
            self._begin_again()
        for batch in layout.chunks(self._calls, base):
            kept = [
                layout.again(self._place, point)
                for point in batch
                if layout.chunk_of(point) not in self._removed
            ]
            for _ in self._sender.send(kept):
                self._sign_now_and_then()

    def _begin_again(self) -> None:
        """A snapshot that was recovered in part leaves a collection that nobody can trust."""
        layout.clear(self._calls, self._place)
        layout.create_place(self._calls, self._place, self._dimension, self._options)
        self._sign()
        claim.yield_to_others(self._calls, self._index, self._place, [])

    def _sign(self) -> None:
        self._signed = self._clock()
        claim.sign(self._calls, self._lock, self._signed, self._work)

    def _sign_now_and_then(self) -> None:
        if self._clock() - self._signed > _SIGN_SECONDS:
            self._sign()

    def _discard(self) -> None:
        self._open = False
        for place in {self._place, self._lock}:
            # What cannot be deleted now is deleted by the next writer; the first error is what matters.
            with contextlib.suppress(GroundworkError):
                claim.remove(self._calls, self._index, place)

    def _check_open(self) -> None:
        if not self._open:
            raise Conflict("the version is sealed; nothing can change it", field="version")
