"""Embedding on every core: one process a core, each with a model of its own.

A worker imports the tokenizer, onnxruntime and numpy, nothing else. Small jobs stay in this process, where
starting workers would take longer than the work. Vectors do not depend on the number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from types import TracebackType
from typing import Self

from groundwork.core.errors import GroundworkError
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.base import Embedder, PassageText, PassageVectors

Task = tuple[str, PassageText]
Result = tuple[str, PassageVectors]

# Below this many texts the workers' start (0.4 s each) is not won back.
_SMALL_JOB = 64
# Texts a task: a quarter of a second of work against a millisecond of hand-over.
_TASK = 16
# Tasks in flight a worker: enough that none ever waits.
_AHEAD = 3


class EmbeddingPool:
    """Use as a context manager. Workers start with the first large job and end with the block."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self._settings = settings
        self._embedder = embedder
        self._workers = settings.embedder.workers or len(os.sched_getaffinity(0))
        self._executor: ProcessPoolExecutor | None = None

    def embed(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """(key, vectors) as they are done. `tasks` is read lazily, a little ahead of the results."""
        stream = iter(tasks)
        head = list(islice(stream, _SMALL_JOB))
        # Only the onnx engine runs on one core; the others bring their own parallelism.
        parallel = self._workers > 1 and self._settings.embedder.engine == "onnx"
        if len(head) < _SMALL_JOB or not parallel:
            yield from self._here(chain(head, stream))
        else:
            yield from self._spread(chain(head, stream))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def _here(self, tasks: Iterator[Task]) -> Iterator[Result]:
        while batch := list(islice(tasks, _TASK)):
            yield from _paired(batch, self._embedder.embed_passages([text for _, text in batch]))

    def _spread(self, tasks: Iterator[Task]) -> Iterator[Result]:
        executor = self._start()
        waiting: deque[tuple[list[Task], Future[list[PassageVectors]]]] = deque()
        try:
            while True:
                while len(waiting) < self._workers * _AHEAD and (
                    batch := list(islice(tasks, _TASK))
                ):
                    texts = [text for _, text in batch]
                    waiting.append((batch, executor.submit(_embed_in_worker, texts)))
                if not waiting:
                    return
                batch, future = waiting.popleft()
                yield from _paired(batch, future.result())
        except BrokenProcessPool as error:
            raise GroundworkError(
                "an embedding worker died (out of memory?); run the command again, it goes on from "
                "the vectors already computed, or set GROUNDWORK_EMBEDDER__WORKERS=1"
            ) from error

    def _start(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._settings,),
            )
        return self._executor


def _paired(batch: list[Task], vectors: list[PassageVectors]) -> Iterator[Result]:
    return ((key, vector) for (key, _), vector in zip(batch, vectors, strict=True))


# One embedder a worker process, made by its initializer.
_worker: dict[str, Embedder] = {}


def _start_worker(settings: Settings) -> None:
    # Ctrl-C goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    from groundwork.retrieval.embed.factory import create_embedder

    _worker["embedder"] = create_embedder(settings)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _embed_in_worker(texts: list[PassageText]) -> list[PassageVectors]:
    return _worker["embedder"].embed_passages(texts)
