"""Traces on their way out: a bounded queue, a thread that makes their spans, and places that take batches.

A request pays for an append: spans, and the scrubbing of texts where they are recorded, are made behind it. Where a place is
slow or dead, what does not fit the queue is dropped and counted; requests never wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.tracing.spans import Spans
from groundwork.core.telemetry import Trace

_log = logging.getLogger("groundwork.monitoring")

_BATCH = 256
_GATHER_SECONDS = 1.0
_STOP_SECONDS = 5.0
# How long what a request left may wait for its spans, and how much of it.
_MAKE_SECONDS = 0.25
_MOST_UNMADE = 1024
_SPACE = 2**64


class Place(Protocol):
    """Where batches of traces go."""

    name: str

    def write(self, batch: Sequence[Spans]) -> None:
        """Take them. May block for seconds. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class NoPlace:
    """Takes everything and keeps nothing."""

    name = "none"

    def write(self, batch: Sequence[Spans]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to close."""


class Lane:
    """One place with its own queue and thread, so that a slow place holds up no other."""

    def __init__(self, place: Place, most_waiting: int = 2048) -> None:
        self.place = place
        self.sent = 0
        self.dropped = 0
        self._most_waiting = most_waiting
        self._waiting: deque[Spans] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._busy = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"traces-{place.name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, spans: Spans) -> None:
        """Queue it; where there is no room it is dropped."""
        # Appending is atomic; the sender looks every second, so nobody need wake it.
        if len(self._waiting) >= self._most_waiting:
            self.dropped += 1
            return
        self._waiting.append(spans)

    def flush(self, seconds: float = _STOP_SECONDS) -> bool:
        """Wait until everything is out, for so long at most."""
        with self._change:
            self._change.notify_all()
            return self._change.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def close(self) -> None:
        """Send what is waiting, for a few seconds at most."""
        if self._thread.ident is not None:
            with self._change:
                self._closing = True
                self._change.notify_all()
            self._thread.join(_STOP_SECONDS)
        self.dropped += len(self._waiting)
        self.place.close()

    def _run(self) -> None:
        while True:
            with self._change:
                if not self._waiting:
                    if self._closing:
                        return
                    self._change.wait(_GATHER_SECONDS)
                count = min(_BATCH, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                self._busy = bool(batch)
            if batch:
                self._send(batch)
            with self._change:
                self._busy = False
                self._change.notify_all()

    def _send(self, batch: Sequence[Spans]) -> None:
        try:
            self.place.write(batch)
        except Unavailable as error:
            self.dropped += len(batch)
            if not self._failing:
                _log.warning("traces are dropped: %s", error.detail)
            self._failing = True
        else:
            self.sent += len(batch)
            self._failing = False


class Tracer:
    """Decides which traces are kept, and hands them to every place.

    `share` of the traces is kept, chosen by their ids, so that all services of one trace decide alike; what the caller decided
    counts more. Whatever failed is kept always.
    """

    def __init__(self, places: Sequence[Place] = (), share: float = 1.0) -> None:
        self.lanes = tuple(Lane(place) for place in places)
        self._below = round(share * _SPACE)
        self._unmade: deque[Callable[[], Spans]] = deque()
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        for lane in self.lanes:
            lane.start()
        self._thread.start()

    def wants(self, trace: Trace) -> bool:
        """Whether this trace is one of the share."""
        if trace.sampled is not None:
            return trace.sampled
        return int(trace.trace_id[16:], 16) < self._below

    def emit(self, trace: Trace, make: Callable[[], Spans], *, failed: bool = False) -> None:
        """Hand a trace on, once, as it is now; `make` is called only where it is kept, and by another thread."""
        if trace.ended_ns is not None or not self.lanes:
            return
        trace.ended_ns = trace.now()
        if not failed and not self.wants(trace):
            return
        if len(self._unmade) >= _MOST_UNMADE:
            self._drop()
        else:
            self._unmade.append(make)

    def flush(self, seconds: float = _STOP_SECONDS) -> bool:
        """Wait until every place has everything, for so long at most each."""
        self._make()
        out = [lane.flush(seconds) for lane in self.lanes]
        return all(out)

    def close(self) -> None:
        """Send what waits, and let go of the places."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)
        self._make()
        for lane in self.lanes:
            lane.close()

    def _run(self) -> None:
        while not self._closing.wait(_MAKE_SECONDS):
            self._make()

    def _make(self) -> None:
        with self._turn:
            while self._unmade:
                try:
                    spans = self._unmade.popleft()()
                except Exception:  # noqa: BLE001 -- the edge of a thread: one trace is lost, not those after it
                    _log.exception("the spans of a trace could not be made")
                    self._drop()
                else:
                    for lane in self.lanes:
                        lane.put(spans)

    def _drop(self) -> None:
        for lane in self.lanes:
            lane.dropped += 1
