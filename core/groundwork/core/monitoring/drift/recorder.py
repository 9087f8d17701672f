"""From a request to the store: into memory at once, into the database by a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.drift.store import DriftStore, now_ms

_log = logging.getLogger("groundwork.monitoring")

# Of what one monitor observes between two flushes so many are kept, drawn at random: enough for any window.
MOST_PENDING = 1000


@dataclass
class _Pending:
    rows: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    seen: int = 0


class Recorder:
    """`record` takes a lock for microseconds and never raises. Without `start`, `flush` writes what is pending."""

    def __init__(self, store: DriftStore, flush_seconds: float = 2.0) -> None:
        self.store = store
        self._flush_seconds = flush_seconds
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # Observations that were not kept: too many at once, or no database.
        self.dropped = 0

    def record(self, monitor: str, values: Mapping[str, Any]) -> None:
        """Keep one observation, or another one in its stead where there are too many (reservoir sampling)."""
        row = (now_ms(), values)
        with self._lock:
            pending = self._pending.setdefault(monitor, _Pending())
            pending.seen += 1
            if len(pending.rows) < MOST_PENDING:
                pending.rows.append(row)
                return
            self.dropped += 1
            place = random.randrange(pending.seen)
            if place < MOST_PENDING:
                pending.rows[place] = row

    def flush(self) -> None:
        """Write what is pending. Raises Unavailable; then it stays pending."""
        with self._lock:
            pending, self._pending = self._pending, {}
        for monitor in list(pending):
            try:
                self.store.add(monitor, sorted(pending[monitor].rows, key=lambda row: row[0]))
            except Unavailable:
                self._put_back(pending)
                raise
            del pending[monitor]

    def start(self) -> None:
        """Begin to write beside the service."""
        self._thread = threading.Thread(target=self._run, name="drift-recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is pending, and let go of the database."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        self._flush_or_log()
        self.store.close()

    def _run(self) -> None:
        while not self._stop.wait(self._flush_seconds):
            self._flush_or_log()

    def _flush_or_log(self) -> None:
        try:
            self.flush()
        except Unavailable as error:
            _log.warning("observations for drift wait: %s", error.detail)

    def _put_back(self, pending: Mapping[str, _Pending]) -> None:
        with self._lock:
            for monitor, held in pending.items():
                kept = self._pending.setdefault(monitor, _Pending())
                room = max(0, MOST_PENDING - len(kept.rows))
                self.dropped += max(0, len(held.rows) - room)
                kept.rows[:0] = held.rows[-room:] if room else []
                kept.seen += held.seen
