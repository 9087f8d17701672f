"""Letting the rails read an index before anybody asks: what a rail says of a passage is remembered, and takes long only once.

Runs beside the service, at most half of one core, and begins again where another version goes live.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

from groundwork.core.errors import GroundworkError
from groundwork.guardrails.guard import Guard
from groundwork.ingestion.chunk import chunk_id
from groundwork.retrieval.index.base import MANIFEST, IndexReader, IndexStore
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.live import LiveReaders
from groundwork.retrieval.passages import Passage

_log = logging.getLogger("groundwork.serving")

_BATCH = 16
_LOOK_EVERY_SECONDS = 5.0
# Passages of one index; the guard remembers about as many.
MOST = 20_000


class Acquaintance:
    """Keeps the guard acquainted with the live versions."""

    def __init__(self, guard: Guard, store: IndexStore, readers: LiveReaders) -> None:
        self._guard = guard
        self._store = store
        self._readers = readers
        self._stopping = threading.Event()
        self._known: dict[str, str] = {}

    def run(self) -> None:
        """Until `stop` is called. Blocks: use a thread."""
        while not self._stopping.is_set():
            for index in self._indexes():
                self.look(index)
            self._stopping.wait(_LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        """Leave off within a moment."""
        self._stopping.set()

    def look(self, index: str) -> int:
        """Let the rails read this index where its version is new to them; returns how many passages they read."""
        try:
            with self._readers.lease(index) as reader:
                if self._known.get(index) == reader.version:
                    return 0
                read = sum(self._read(reader, batch) for batch in _batches(reader))
                self._known[index] = reader.version
        except GroundworkError as error:
            _log.warning("the rails could not read %s beforehand: %s", index, error.detail)
            return 0
        _log.info("the rails know %d passages of %s@%s", read, index, self._known[index])
        return read

    def _indexes(self) -> list[str]:
        try:
            return [name for name in self._store.names() if self._store.alias(name) is not None]
        except GroundworkError:
            return []

    def _read(self, reader: IndexReader, ids: list[str]) -> int:
        if self._stopping.is_set():
            return 0
        began = time.perf_counter()
        passages = [Passage(stored.chunk, 0.0, 0.0, 0.0) for stored in reader.fetch(ids)]
        self._guard.begin(reader.index).check_passages(passages)
        # Answers come first.
        self._stopping.wait(time.perf_counter() - began)
        return len(passages)


def _batches(reader: IndexReader) -> Iterator[list[str]]:
    blob = reader.blob(MANIFEST)
    if blob is None:
        return
    ids = [
        chunk_id(page.page, number)
        for page in Manifest.from_json(blob).pages
        for number in range(len(page.chunks))
    ][:MOST]
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
