"""Vectors come back bit for bit, survive a kill, and a damaged file is begun anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from groundwork.retrieval.embed.base import PassageVectors
from groundwork.retrieval.embed.cache import VectorCache

A, B = "model-a", "model-b"

_WRITER = """
import sys
from pathlib import Path
import numpy as np
from groundwork.retrieval.embed.base import PassageVectors
from groundwork.retrieval.embed.cache import VectorCache
cache = VectorCache(Path(sys.argv[1]))
for batch in range(1000):
    cache.put_many("e", {f"{batch}-{n}": PassageVectors(np.full(8, batch, np.float32)) for n in range(4)})
    print(batch, flush=True)
"""


def vectors(seed: int, units: int | None = None) -> PassageVectors:
    random = np.random.default_rng(seed)
    pooled = None if units is None else random.integers(-127, 127, (units, 8), dtype=np.int8)
    return PassageVectors(random.standard_normal(8, dtype=np.float32), pooled)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    opened = VectorCache(tmp_path / "deep" / "vectors.sqlite")
    yield opened
    opened.close()


@given(
    dense=arrays(np.float32, 8, elements=st.floats(width=32, allow_nan=False)),
    units=st.integers(0, 5),
)
def test_what_goes_in_comes_out_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, dense: np.ndarray, units: int
) -> None:
    cache = VectorCache(tmp_path_factory.mktemp("cache") / "vectors.sqlite")
    pooled = np.arange(units * 8, dtype=np.int8).reshape(units, 8)
    cache.put_many(A, {"d": PassageVectors(dense, pooled)})
    found = cache.get_many(A, ["d"])["d"]
    cache.close()
    assert found.dense.tobytes() == dense.tobytes()
    assert found.units is not None
    assert found.units.shape == (units, 8)
    assert np.array_equal(found.units, pooled)


def test_no_units_stay_no_units(cache: VectorCache) -> None:
    cache.put_many(A, {"d": vectors(1)})
    assert cache.get_many(A, ["d"])["d"].units is None


def test_embedders_are_kept_apart(cache: VectorCache) -> None:
    cache.put_many(A, {"d": vectors(1)})
    cache.put_many(B, {"d": vectors(2), "e": vectors(3)})
    assert np.array_equal(cache.get_many(A, ["d", "e"])["d"].dense, vectors(1).dense)
    assert cache.known(A, ["d", "e"]) == {"d"}
    assert cache.known(B, ["d", "e", "f"]) == {"d", "e"}


def test_more_digests_than_a_statement_takes(cache: VectorCache) -> None:
    digests = [f"{n:064x}" for n in range(40_000)]
    cache.put_many(A, dict.fromkeys(digests[::2], vectors(1)))
    assert cache.known(A, iter(digests)) == set(digests[::2])
    assert len(cache.get_many(A, digests[:3000])) == 1500


def test_the_first_vector_stays(cache: VectorCache) -> None:
    cache.put_many(A, {"d": vectors(1)})
    cache.put_many(A, {"d": vectors(2)})
    assert np.array_equal(cache.get_many(A, ["d"])["d"].dense, vectors(1).dense)


def test_prune_keeps_what_is_used(cache: VectorCache) -> None:
    cache.put_many(A, {"d": vectors(1), "e": vectors(2)})
    cache.put_many(B, {"d": vectors(3)})
    assert cache.prune({A: {"d"}}, dry_run=True) == 2
    assert cache.known(A, ["d", "e"]) == {"d", "e"}
    assert cache.prune({A: {"d"}}) == 2
    assert cache.known(A, ["d", "e"]) == {"d"}
    assert cache.known(B, ["d"]) == set()


def test_two_openings_see_each_other(tmp_path: Path) -> None:
    one, two = VectorCache(tmp_path / "v.sqlite"), VectorCache(tmp_path / "v.sqlite")
    one.put_many(A, {"d": vectors(1)})
    two.put_many(A, {"e": vectors(2)})
    assert one.known(A, ["d", "e"]) == two.known(A, ["d", "e"]) == {"d", "e"}
    one.close()
    two.close()


def test_a_kill_loses_no_batch_that_was_put(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        while writer.stdout.readline() != "20\n":
            assert writer.poll() is None
        os.kill(writer.pid, signal.SIGKILL)
        later = [int(line) for line in writer.stdout if line.endswith("\n")]
    cache = VectorCache(path)
    acknowledged = max([20, *later]) + 1
    wanted = [f"{batch}-{n}" for batch in range(acknowledged) for n in range(4)]
    assert cache.known("e", wanted) == set(wanted)
    cache.close()


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_damaged_file_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "v.sqlite"
    path.write_bytes(content)
    cache = VectorCache(path)
    cache.put_many(A, {"d": vectors(1)})
    assert cache.known(A, ["d"]) == {"d"}
    cache.close()
    assert (tmp_path / "v.damaged").read_bytes() == content
    assert "damaged" in caplog.text
