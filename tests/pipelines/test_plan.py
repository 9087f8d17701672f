"""The plan for many chunks: what follows from the rates, and what it rests on."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.errors import InvalidInput
from groundwork.pipelines.plan import Prices, Rates, Wish, plan

RATES = Rates(
    at="2026-11-25", machine="test", corpus="pages", chunks=1000, dimension=384, page_bytes=1000.0,
    units=5.0, terms=60.0, payload_bytes=4000.0, parse=500.0, embed=50.0, write=2000.0, task_seconds=1.0,
)  # fmt: skip
MIB = 2**20


def test_a_million_chunks() -> None:
    found = plan(1_000_000, RATES, Wish(workers=8), 16 * MIB)
    assert found.shards == 60  # 10^9 bytes in shards of 16 MiB
    # 2,000 s parsing, 20,000 s embedding, 120 s starting, 500 s writing.
    assert found.core_hours == pytest.approx(22_620 / 3600)
    assert (found.where, found.to_dict()["where"]) == ("cluster", "cluster")
    # 60 shards on 8 workers are 8 waves.
    assert found.hours == pytest.approx((8 * 22_120 / 60 + 500) / 3600)
    assert found.build_hours == pytest.approx(500 / 3600)
    assert (found.quantisation, found.qdrant_shards, found.replicas, found.nodes) == (
        "none",
        1,
        2,
        2,
    )
    each = 384 * 4 + 136 + 32 + 64 + 60 * 8
    assert found.memory_gib == pytest.approx(2 * 1_000_000 * each / 2**30)
    assert found.ingest_dollars == Decimal("0.25")


def test_a_hundred_million_chunks_are_packed_and_sharded() -> None:
    found = plan(100_000_000, RATES, Wish(), 16 * MIB)
    assert found.shards == 1000
    assert found.settings["GROUNDWORK_PIPELINES__SHARD_BYTES"] == str(10**11 // 1000)
    assert found.quantisation == "scalar"
    assert found.qdrant_shards > 1
    assert found.settings["GROUNDWORK_INDEX__SHARDS"] == str(found.qdrant_shards)
    assert found.build_memory_gib > 30


def test_bits_are_for_long_vectors() -> None:
    many = replace(RATES, dimension=1536)
    assert plan(100_000_000, many, Wish(), 16 * MIB).quantisation == "binary"
    assert plan(100_000_000, RATES, Wish(node_gib=16), 16 * MIB).quantisation == "scalar"


def test_another_rate_of_embedding_and_other_prices() -> None:
    slow = plan(10_000_000, RATES, Wish(workers=10), 16 * MIB)
    fast = plan(10_000_000, RATES, Wish(workers=10, embed=5000.0), 16 * MIB)
    assert fast.hours < slow.hours / 3
    dear = Wish(prices=Prices(Decimal(1), Decimal(10), Decimal(1)))
    assert (
        plan(10_000, RATES, dear, MIB).month_dollars
        > plan(10_000, RATES, Wish(), MIB).month_dollars
    )


@given(st.integers(1, 10**9), st.floats(0.5, 200), st.integers(1, 5))
def test_more_chunks_never_take_less(chunks: int, hours: float, replicas: int) -> None:
    wish = Wish(hours=hours, replicas=replicas)
    one, more = (plan(count, RATES, wish, 16 * MIB) for count in (chunks, chunks * 2))
    assert more.core_hours > one.core_hours
    assert more.shards >= one.shards
    assert more.build_memory_gib > one.build_memory_gib
    assert one.workers <= one.shards <= 1000
    assert one.nodes == one.qdrant_shards * replicas
    per_node = one.memory_gib / one.nodes
    assert per_node <= wish.node_gib * 0.75 + 1e-9


def test_a_plan_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        plan(0, RATES, Wish(), MIB)


def test_rates_are_a_file_that_ships(tmp_path: Path) -> None:
    RATES.write_to(tmp_path / "rates.json")
    assert Rates.read(tmp_path / "rates.json") == RATES
    shipped = Rates.read()
    assert shipped.dimension == 384
    assert min(shipped.parse, shipped.embed, shipped.write, shipped.page_bytes) > 0


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(cli, ["pipeline", "plan", "--chunks", "1e6,2000"])
    assert result.exit_code == 0
    assert "1,000,000" in result.output
    assert "GROUNDWORK_INDEX__QUANTISATION" in result.output
    assert "prices (assumed)" in result.output
    assert run(cli, ["pipeline", "plan", "--chunks", "many"]) == 2
    assert "no number of chunks" in capsys.readouterr().err
    assert run(cli, ["pipeline", "plan", "--core-hour", "-1"]) == 2


def test_more_workers_than_one_machine_runs_need_a_cluster() -> None:
    places = [plan(1_000_000, RATES, Wish(workers=n), 16 * MIB).where for n in (1, 2, 3)]
    assert places == ["here", "here", "cluster"]
