"""groundwork keys and groundwork cost prices | close-gpu | retire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.metering.keys import Keys
from groundwork.core.metering.ledger import Ledger


class Shell:
    """Runs commands in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ended = run(cli, list(arguments))
        out, err = self.capture.readouterr()
        assert ended == code, err
        return out + err

    def json(self, *arguments: str) -> Any:
        return orjson.loads(self(*arguments, "--json"))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    return Shell(capsys)


def test_keys(shell: Shell, tmp_path: Path) -> None:
    assert "no key yet" in shell("keys", "list")
    made = shell.json(
        "keys",
        "create",
        "--team",
        "search",
        "--scope",
        "costs",
        "--expires",
        "30d",
        "--budget",
        "2.5",
    )
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}")
    assert Keys(ledger.engine).authenticate(made["key"]).scopes == {"costs"}
    ledger.close()
    (listed,) = shell.json("keys", "list")
    assert (listed["id"], listed["state"], listed["team"]) == (made["id"], "valid", "search")
    (budget,) = shell.json("keys", "budget", "list")
    assert (budget["scope"], budget["subject"], budget["limit"]) == ("key", made["id"], "2.5")
    assert "is revoked" in shell("keys", "revoke", made["id"])
    assert "was revoked already" in shell("keys", "revoke", made["id"])
    assert "revoked" in shell("keys", "list")
    assert "no key ffff" in shell("keys", "revoke", "ffff", code=1)
    assert "neither" in shell("keys", "create", "--expires", "soon", code=2)


def test_budgets_and_teams(shell: Shell) -> None:
    assert "no budget yet" in shell("keys", "budget", "list")
    assert "100 of 100 USD left" in shell("keys", "budget", "set", "team", "search", "100")
    assert "slack:U1 is in search" in shell("keys", "assign", "slack:U1", "search")
    assert "team   search" in shell("keys", "budget", "list")
    assert "no amount" in shell("keys", "budget", "set", "team", "search", "many", code=2)
    assert "no budget" in shell("keys", "budget", "remove", "team", "search")
    assert "no budget" in shell("keys", "budget", "remove", "team", "search", code=1)


def test_prices(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        "prices:\n  qwen:\n    input_tokens: {per_million: 0.15}\n  odd:\n    x: {each: 1e-13}\n"
    )
    text = shell("cost", "prices", "import", str(file), "--from", "2026-11-01")
    assert "1 prices of 1 models, 1 of them new" in text
    assert "refused odd" in text
    assert shell.json("cost", "prices", "import", str(file), "--from", "2026-11-01")["added"] == 0
    (price,) = shell.json("cost", "prices", "show", "qwen")
    assert (price["per_million"], price["valid_from"]) == ("0.15", "2026-11-01")
    book = shell.json("cost", "prices", "list", "--on", "2026-11-02")
    assert {row["model"] for row in book["prices"]} >= {"qwen", "extractive"}
    assert "qwen" not in shell("cost", "prices", "list", "--on", "2026-10-01")
    file.write_text(file.read_text().replace("0.15", "0.16"))
    assert "later day" in shell(
        "cost", "prices", "import", str(file), "--from", "2026-11-01", code=1
    )
    assert "no price of gpt" in shell("cost", "prices", "show", "gpt", code=1)


def test_gpus_and_old_charges(shell: Shell, tmp_path: Path) -> None:
    gpu = ("cost", "close-gpu", "pool-a", "2026-01-05", "--model", "qwen", "--per-hour")
    assert "bill 60, used 0, idle 60" in shell(*gpu, "2.5")
    assert "no amount" in shell(*gpu, "much", code=2)
    gone = shell.json(
        "cost", "retire", "--before", "2026-02-01", "--to", str(tmp_path / "old.csv.gz")
    )
    assert (gone["rows"], gone["amount"]) == (1, "60")
    assert "is there already" in shell(
        "cost", "retire", "--before", "2026-02-01", "--to", str(tmp_path / "old.csv.gz"), code=2
    )
