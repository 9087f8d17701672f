"""Trace ids and stage timings of one request, in the W3C Trace Context form."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


class Trace:
    """Collects how long each stage took. `trace_id` is 32 hex digits, the caller's if it sent one."""

    def __init__(self, traceparent: str | None = None) -> None:
        match = _TRACEPARENT.match(traceparent) if traceparent else None
        given = match.group(1) if match else ""
        # All zeros is invalid by the specification.
        self.trace_id = given if given.strip("0") else secrets.token_hex(16)
        self.timings_ms: dict[str, float] = {}
        self._began = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block; a stage entered twice adds up."""
        began = time.perf_counter()
        try:
            yield
        finally:
            elapsed = (time.perf_counter() - began) * 1000
            self.timings_ms[name] = self.timings_ms.get(name, 0.0) + elapsed

    def finish(self) -> dict[str, float]:
        """All stages and the total since the trace began, in milliseconds."""
        return {**self.timings_ms, "total": self.elapsed_ms()}

    def elapsed_ms(self) -> float:
        """Milliseconds since the trace began."""
        return (time.perf_counter() - self._began) * 1000
