"""Trace ids, stages and their timings of one request, in the W3C Trace Context form."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
# A request that loops over stages is not traced beyond these; its timings still add up.
MAX_STAGES = 64


@dataclass(slots=True)
class Stage:
    """One step of a request. Times are nanoseconds of `time.perf_counter_ns`; `above` is the enclosing stage's number, or -1.

    `error` is the name of what ended the step before its end, "" where nothing did.
    """

    name: str
    began: int
    above: int
    ended: int = 0
    error: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def note(self, **attributes: Any) -> None:
        """Say something about this step; numbers, words and lists of words."""
        self.attributes.update(attributes)


class Stages(Protocol):
    """Where a long job, such as an ingest, says what it does; `Trace` times it, `NoStages` does nothing."""

    def stage(self, name: str) -> AbstractContextManager[Stage]:
        """A block that is one step."""

    def bits(self, name: str) -> AbstractContextManager[Stage]:
        """A block that is one of many bits of a step, such as the parsing of one page."""

    def join(self, key: str) -> None:
        """This is part of what others of the same key do, in other processes: they come under one trace id."""


class NoStages:
    """Times nothing."""

    def stage(self, name: str) -> AbstractContextManager[Stage]:
        """Nothing is kept of it."""
        return nullcontext(Stage(name, 0, -1))

    def bits(self, name: str) -> AbstractContextManager[Stage]:
        """Always the same block: a page must cost nothing here."""
        del name
        return _NOTHING

    def join(self, key: str) -> None:
        """Nothing is joined."""


_NOTHING = nullcontext(Stage("", 0, -1))
NO_STAGES = NoStages()


class Trace:
    """Collects the stages of one request and how long each took. Used by one task or thread at a time.

    `trace_id` is 32 hex digits, the caller's if it sent one; `span_id` names this request in it, `parent_id` the caller's
    span, "" where it sent none. `sampled` is what the caller decided, None where it decided nothing.
    """

    def __init__(self, traceparent: str | None = None) -> None:
        match = _TRACEPARENT.match(traceparent) if traceparent else None
        given, parent, flags = match.groups() if match else ("", "", "")
        # All zeros is invalid by the specification.
        known = bool(given.strip("0"))
        self.trace_id = given if known else secrets.token_hex(16)
        self.span_id = secrets.token_hex(8)
        self.parent_id = parent if known and parent.strip("0") else ""
        self.sampled = bool(int(flags, 16) & 1) if known else None
        self.timings_ms: dict[str, float] = {}
        self.stages: list[Stage] = []
        # When it was handed on, which is done once: its spans may be made later.
        self.ended_ns: int | None = None
        self.began_ns = time.time_ns()
        self._began = time.perf_counter_ns()
        self._open: list[int] = []
        self._bits: dict[str, Stage] = {}

    @property
    def traceparent(self) -> str:
        """For whom this request asks, and for whoever asked."""
        return f"00-{self.trace_id}-{self.span_id}-{'00' if self.sampled is False else '01'}"

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time a block; a stage entered twice adds up."""
        above = self._open[-1] if self._open else -1
        stage = Stage(name, time.perf_counter_ns(), above)
        kept = len(self.stages) < MAX_STAGES
        self._open.append(len(self.stages) if kept else above)
        if kept:
            self.stages.append(stage)
        try:
            yield stage
        except BaseException as error:
            stage.error = type(error).__name__
            raise
        finally:
            stage.ended = time.perf_counter_ns()
            self._open.pop()
            elapsed = (stage.ended - stage.began) / 1e6
            self.timings_ms[name] = self.timings_ms.get(name, 0.0) + elapsed

    @contextmanager
    def bits(self, name: str) -> Iterator[Stage]:
        """Time one of many blocks that are one stage together: from the begin of the first to the end of the last.

        The stage's attribute `busy_ms` is what the blocks took, `times` how many there were. A block that raises is no
        fault of the stage's: the job may go on with the next.
        """
        began = time.perf_counter_ns()
        stage = self._bits.get(name)
        if stage is None:
            stage = Stage(name, began, self._open[-1] if self._open else -1)
            stage.note(busy_ms=0.0, times=0)
            self._bits[name] = stage
            if len(self.stages) < MAX_STAGES:
                self.stages.append(stage)
        try:
            yield stage
        finally:
            stage.ended = time.perf_counter_ns()
            elapsed = (stage.ended - began) / 1e6
            stage.attributes["busy_ms"] += elapsed
            stage.attributes["times"] += 1
            self.timings_ms[name] = self.timings_ms.get(name, 0.0) + elapsed

    def join(self, key: str) -> None:
        """Take the trace id that follows from a key, so that processes which know the key share it."""
        self.trace_id = sha256(key.encode()).hexdigest()[:32]

    def at(self, counter_ns: int) -> int:
        """Nanoseconds since 1970 of a time that `time.perf_counter_ns` gave."""
        return self.began_ns + counter_ns - self._began

    def now(self) -> int:
        """Nanoseconds since 1970, by the same clock."""
        return self.at(time.perf_counter_ns())

    def finish(self) -> dict[str, float]:
        """All stages and the total since the trace began, in milliseconds."""
        return {**self.timings_ms, "total": self.elapsed_ms()}

    def elapsed_ms(self) -> float:
        """Milliseconds since the trace began."""
        return (time.perf_counter_ns() - self._began) / 1e6
