"""The cost commands, on a ledger of random requests."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.money import parse_dollars
from tests.core.ledgers import made

Row = dict[str, Any]


class Costs:
    """Runs `groundwork cost` in a home whose ledger is filled."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capture = capture
        home.mkdir()
        ledger, self.asked, self.charged = made(home / "ledger.sqlite", 150)
        ledger.close()

    def __call__(self, *arguments: str, code: int = 0) -> str:
        got = run(cli, ["cost", *arguments])
        out, err = self.capture.readouterr()
        assert got == code, err
        return out if code in {0, 1} and out else err

    def json(self, *arguments: str, code: int = 0) -> Any:
        return orjson.loads(self(*arguments, "--json", code=code))

    def total(self, passes: Callable[[Row], bool] | None = None) -> int:
        return sum(row["picodollars"] for row in self.charged if passes is None or passes(row))

    def of_team(self, team: str) -> int:
        return self.total(lambda charge: bool(charge["team"] == team))


@pytest.fixture
def costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Costs:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    return Costs(tmp_path / "home", capsys)


def test_a_report_by_team(costs: Costs) -> None:
    found = costs.json("report")
    assert found["by"] == ["team"]
    assert parse_dollars(found["totals"][0]["amount"]) == costs.total()
    for row in found["rows"]:
        assert parse_dollars(row["amount"]) == costs.of_team(row["team"])


def test_a_report_for_people(costs: Costs) -> None:
    lines = costs("report", "--by", "month,team", "--month", "2026-11").splitlines()
    assert lines[0].split()[:5] == ["MONTH", "TEAM", "CURRENCY", "REQUESTS", "AMOUNT"]
    assert lines[-1].startswith("total")
    amounts = [line.split("USD")[1].split()[1] for line in lines[1:]]
    november = costs.total(lambda charge: charge["day"].startswith("2026-11"))
    assert parse_dollars(amounts[-1]) == november == sum(map(parse_dollars, amounts[:-1]))
    assert len({line.index(".") for line in lines[1:] if "." in line}) == 1, (
        "decimal points stand in one column"
    )


def test_filters_and_periods(costs: Costs) -> None:
    found = costs.json(
        "report", "--by", "stage", "--team", "search", "--team", "", "--kind", "usage",
        "--from", "2026-10-20", "--to", "2026-11-05T12:00:00Z",
    )  # fmt: skip
    expected = costs.total(
        lambda charge: (
            charge["team"] in {"search", ""}
            and charge["kind"] == "usage"
            and 1792454400000 <= charge["at"] < 1793880000000
        )
    )
    assert parse_dollars(found["totals"][0]["amount"]) == expected
    assert expected


def test_everything_beside_a_report(costs: Costs) -> None:
    out = costs("report", "--spread", "--outliers", "--cache", "--budgets", "--forecast")
    for heading in ("spread", "outliers", "cache", "budgets", "forecast"):
        assert f"\n{heading}\n" in out
    assert "came from a cache" in out


def test_nothing_in_a_period(costs: Costs) -> None:
    assert "nothing was charged" in costs("report", "--month", "2020-01")


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "--by", "colour"), ("report", "--from", "soon"), ("report", "--month", "2026-11", "--to", "2026-12"),
        ("report", "--kind", "free"), ("export", "--from", "2026-11", "--to", "2026-11"),
        ("report", "--by", "stage", "--spread"), ("export", "--out", "none/costs.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(costs: Costs, arguments: tuple[str, ...]) -> None:
    said = costs(*arguments, code=2)
    assert said.startswith("groundwork: ")
    assert said.count("\n") == 1


def test_exports_are_as_exact_as_reports(costs: Costs, tmp_path: Path) -> None:
    amount = parse_dollars(costs.json("report", "--month", "2026-11")["totals"][0]["amount"])
    table = tmp_path / "groundwork-costs-2026-11-01-2026-12-01.csv"
    assert str(table.name) in costs("export", "--month", "2026-11")
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert sum(int(row["picodollars"]) for row in rows) == amount
    written = costs.json(
        "export", "--month", "2026-11", "--format", "parquet", "--out", "a.parquet"
    )
    assert sum(pq.read_table(tmp_path / "a.parquet")["picodollars"].to_pylist()) == amount
    assert written["bytes"] == (tmp_path / "a.parquet").stat().st_size
    focus = costs("export", "--month", "2026-11", "--format", "focus", "--out", "-")
    lines = list(csv.DictReader(io.StringIO(focus, newline="")))
    assert sum(parse_dollars(row["BilledCost"]) for row in lines) == amount


def test_a_correction_shows_in_the_report(costs: Costs) -> None:
    charge = next(row for row in costs.charged if row["unit_picodollars"] and row["quantity"] and row["kind"] == "usage")  # fmt: skip
    of_it = ("--stage", charge["stage"], "--meter", charge["meter"], "--model", charge["model"])
    done = costs.json(
        "correct", charge["request_id"], *of_it, "--quantity", "0", "--reason", "test"
    )
    assert done["after"] == "0"
    total = parse_dollars(costs.json("report")["totals"][0]["amount"])
    assert total == costs.total() + parse_dollars(done["difference"])
    assert "nothing to correct" in costs("correct", charge["request_id"], *of_it, "--quantity", "0", "--reason", "test")  # fmt: skip


def test_reconcile(costs: Costs, tmp_path: Path) -> None:
    assert costs("reconcile").startswith("the ledger's own sums: agrees")
    (tmp_path / "metrics").write_text('vllm:prompt_tokens_total{model_name="small"} 5\n')
    out = costs("reconcile", "--metrics", "metrics", code=1)
    assert "small: prompt tokens: DIFFERS" in out
    (tmp_path / "invoice.csv").write_text("period,model,tokens,amount\n2026-11,large,10,1.00\n")
    (_, line) = costs.json("reconcile", "--invoice", "invoice.csv", code=1)
    *way, invoice = line["steps"]
    assert sum(parse_dollars(step["amount"]) for step in way) == parse_dollars(invoice["amount"])
    assert invoice["amount"] == "1"


def test_estimate(costs: Costs) -> None:
    arguments = ("--tokens", "10000000000", "--gpu-hour", "2.50", "--tokens-per-second", "20000")
    prices = ("--api-input", "0.15", "--api-output", "0.60")
    found = costs.json("estimate", *arguments, *prices)
    assert found["self_hosted"]["amount"] == "1825"
    assert found["cheaper"] == "self-hosting"
    assert "break-even" in costs("estimate", *arguments, *prices)
    assert "6 decimals" in costs("estimate", *arguments, "--api-input", "0.1234567", "--api-output", "1", code=2)  # fmt: skip
