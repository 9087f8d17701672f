"""Which version answers: follows the live alias without dropping a search.

A search leases the reader that is live when it begins and keeps it to its end, so it never mixes two versions. A
promotion is seen within `follow_seconds`; the old reader closes when its last lease ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from groundwork.core.errors import IndexMissing
from groundwork.retrieval.index.base import LIVE, IndexReader, IndexStore


class Readers(Protocol):
    """Whatever lends the reader of an index."""

    def lease(self, index: str) -> AbstractContextManager[IndexReader]:
        """For the duration of the block. Raises IndexMissing."""
        ...


class PinnedReader:
    """One version of one index, whatever is live: what a release that names its version reads from."""

    def __init__(self, store: IndexStore, index: str, version: str) -> None:
        """Opens the version. Raises NotFound where it is gone."""
        self._reader = store.open(index, version)

    @contextmanager
    def lease(self, index: str) -> Iterator[IndexReader]:
        """The version's reader. Raises IndexMissing for another index."""
        if index != self._reader.index:
            raise IndexMissing(f"this release answers from {self._reader.index}", field="index")
        yield self._reader

    def close(self) -> None:
        """Close the version's reader."""
        self._reader.close()


@dataclass(slots=True)
class _Open:
    reader: IndexReader
    leases: int = 0
    retired: bool = False


class LiveReaders:
    """One open reader an index, shared by all threads."""

    def __init__(
        self,
        store: IndexStore,
        follow_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._follow_seconds = follow_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._open: dict[str, _Open] = {}
        self._checked: dict[str, float] = {}

    @contextmanager
    def lease(self, index: str) -> Iterator[IndexReader]:
        """The live version's reader, for the duration of the block. Raises IndexMissing."""
        held = self._acquire(index)
        try:
            yield held.reader
        finally:
            with self._lock:
                held.leases -= 1
                done = held.retired and held.leases == 0
            if done:
                held.reader.close()

    def close(self) -> None:
        """Close every reader that nobody leases; the others close with their last lease."""
        with self._lock:
            opened = list(self._open.values())
            self._open.clear()
            for held in opened:
                held.retired = True
            idle = [held for held in opened if held.leases == 0]
        for held in idle:
            held.reader.close()

    def _acquire(self, index: str) -> _Open:
        for _ in range(3):
            self._follow(index)
            with self._lock:
                held = self._open.get(index)
                if held is not None:
                    held.leases += 1
                    return held
        raise IndexMissing(f"index {index} is being replaced; try again", field="index")

    def _follow(self, index: str) -> None:
        now = self._clock()
        with self._lock:
            current = self._open.get(index)
            fresh = now - self._checked.get(index, float("-inf")) < self._follow_seconds
            gate = self._opening.setdefault(index, threading.Lock())
        if current is not None and fresh:
            return
        # Whoever finds a version open already goes on with it while one thread opens the next.
        if not gate.acquire(blocking=current is None):
            return
        try:
            self._refresh(index, now)
        finally:
            gate.release()

    def _refresh(self, index: str, now: float) -> None:
        with self._lock:
            current = self._open.get(index)
        version = self._store.alias(index, LIVE)
        if version is None:
            raise IndexMissing(
                f"no index named {index}; make it with: groundwork ingest SOURCE --index {index}",
                field="index",
            )
        idle: IndexReader | None = None
        if current is None or current.reader.version != version:
            opened = _Open(self._store.open(index, version))
            with self._lock:
                self._open[index] = opened
                if current is not None:
                    current.retired = True
                    idle = current.reader if current.leases == 0 else None
        with self._lock:
            self._checked[index] = now
        if idle is not None:
            idle.close()
