"""More processes change nothing but the time, and none outlives its parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from groundwork.core.errors import GroundworkError
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.pool import EmbeddingPool, Task
from tests.retrieval.embed_world import sentence, settings, small_embedder

# Stands in for a command in the middle of an ingest: prints its workers' ids and waits to be killed.
_PARENT = """
import sys
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.retrieval.embed.pool import EmbeddingPool
if __name__ == "__main__":
    settings = Settings.model_validate_json(sys.argv[1])
    with EmbeddingPool(settings, create_embedder(settings)) as pool:
        results = pool.embed((str(n), PassageText("restore the backup")) for n in range(10**9))
        next(results)
        print(*pool._executor._processes, flush=True)
        for _ in results:
            pass
"""

_WORKER_IMPORTS = """
import sys
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed import pool
pool._start_worker(Settings.model_validate_json(sys.argv[1]))
pool._embed_in_worker([PassageText("restore the backup")])
heavy = "torch transformers sentence_transformers onnx llama_index qdrant_client qdrant_edge tiktoken lxml fastapi"
print(sorted(set(heavy.split()) & set(sys.modules)))
"""


def tasks(count: int) -> Iterator[Task]:
    for n in range(count):
        text = sentence(n, 5 + n % 40)
        yield str(n), PassageText(text, ((0, 4), (4, len(text))))


def test_the_number_of_workers_changes_no_bit() -> None:
    with EmbeddingPool(settings(workers=1), small_embedder()) as pool:
        alone = dict(pool.embed(tasks(150)))
    with EmbeddingPool(settings(workers=2), small_embedder()) as pool:
        results = list(pool.embed(tasks(150)))
        assert pool._executor is not None
    together = dict(results)
    assert len(results) == len(together) == 150
    for key, vectors in alone.items():
        assert np.array_equal(vectors.dense, together[key].dense)
        units = together[key].units
        assert vectors.units is not None
        assert units is not None
        assert np.array_equal(vectors.units, units)


def test_a_small_job_starts_no_process() -> None:
    with EmbeddingPool(settings(workers=2), small_embedder()) as pool:
        assert len(list(pool.embed(tasks(63)))) == 63
        assert list(pool.embed(iter(()))) == []
        assert pool._executor is None


def test_texts_are_read_only_a_little_ahead() -> None:
    read = 0

    def counted() -> Iterator[Task]:
        nonlocal read
        for task in tasks(5000):
            read += 1
            yield task

    with EmbeddingPool(settings(workers=2), small_embedder()) as pool:
        next(pool.embed(counted()))
    assert read < 250


def test_an_error_of_the_source_comes_through() -> None:
    def broken() -> Iterator[Task]:
        yield from tasks(100)
        raise LookupError

    with (
        EmbeddingPool(settings(workers=2), small_embedder()) as pool,
        pytest.raises(LookupError),
    ):
        list(pool.embed(broken()))


def test_a_worker_that_dies_is_said_clearly() -> None:
    with EmbeddingPool(settings(workers=2), small_embedder()) as pool:
        results = pool.embed(tasks(100_000))
        next(results)
        assert pool._executor is not None
        # The executor tells nobody its workers' ids.
        os.kill(next(iter(pool._executor._processes)), signal.SIGKILL)
        with pytest.raises(GroundworkError, match="GROUNDWORK_EMBEDDER__WORKERS"):
            list(results)


def test_workers_end_with_a_parent_that_is_killed() -> None:
    small_embedder()
    command = [sys.executable, "-c", _PARENT, settings(workers=2).model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        # Descriptors, because ids may be given to others once they are free.
        watched = [os.pidfd_open(worker) for worker in workers]
        os.kill(parent.pid, signal.SIGKILL)
        try:
            for descriptor in watched:
                assert select.select([descriptor], [], [], 20)[0], "a worker is still alive"
        finally:
            for descriptor in watched:
                os.close(descriptor)


def test_a_worker_loads_nothing_heavy() -> None:
    small_embedder()
    done = subprocess.run(
        [sys.executable, "-c", _WORKER_IMPORTS, settings().model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
