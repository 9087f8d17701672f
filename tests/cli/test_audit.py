"""groundwork audit: what was done is shown by whom and when, and nothing that was not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.metering.budgets import Budgets
from groundwork.core.metering.database import writing
from groundwork.core.metering.events import events, note_event
from groundwork.core.metering.keys import Keys, NewKey
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import Period, iso


class Shell:
    """Runs `groundwork audit` in this process."""

    def __init__(self, ledger: Ledger, capture: pytest.CaptureFixture[str]) -> None:
        self.ledger = ledger
        self.capture = capture

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ended = run(cli, ["audit", *arguments])
        out, err = self.capture.readouterr()
        assert ended == code, err
        return out + err

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = orjson.loads(self(*arguments, "--json"))
        return shown

    def actions(self, *arguments: str) -> list[str]:
        return [row["action"] for row in self.json(*arguments)]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}")
    yield Shell(ledger, capsys)
    ledger.close()


@pytest.fixture
def busy(shell: Shell) -> Shell:
    """Two people did three things."""
    keys = Keys(shell.ledger.engine)
    key_id, _ = keys.create(NewKey(team="search"), "ada")
    Budgets(shell.ledger.engine).set(
        scope="team", subject="search", period="month", picodollars=10**12, actor="grace"
    )
    keys.revoke(key_id, "ada")
    return shell


def test_all_that_was_done_newest_first(busy: Shell) -> None:
    assert busy.actions() == ["key.revoked", "budget.set", "key.created"]
    assert busy.actions("--limit", "1") == ["key.revoked"]
    heading, *rows = busy().splitlines()
    assert heading.split() == ["TIME", "ACTOR", "ACTION", "DETAIL"]
    assert [row.split()[1:3] for row in rows] == [
        ["ada", "key.revoked"],
        ["grace", "budget.set"],
        ["ada", "key.created"],
    ]
    assert "subject=search period=month picodollars=1000000000000" in rows[1]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["--actor", "grace"], ["budget.set"]),
        (["--action", "key"], ["key.revoked", "key.created"]),
        (["--action", "key.created"], ["key.created"]),
        (["--action", "ke"], []),
        (["--action", "%"], []),
        (["--action", "budget", "--action", "key.revoked"], ["key.revoked", "budget.set"]),
        (["--action", "key", "--actor", "grace"], []),
    ],
)
def test_by_actor_and_action(busy: Shell, asked: list[str], found: list[str]) -> None:
    assert busy.actions(*asked) == found


def test_by_time(busy: Shell) -> None:
    last, middle, first = events(busy.ledger.engine)
    at = iso(middle["at"])
    assert len(busy.actions("--from", iso(first["at"]))) == 3
    assert busy.actions("--to", iso(first["at"])) == []
    assert set(busy.actions("--from", at)) >= {last["action"], middle["action"]}
    assert middle["action"] not in busy.actions("--to", at)
    half_open = events(busy.ledger.engine, period=Period(last["at"] + 1))
    assert half_open == []
    assert "nothing was changed in this time" in busy("--to", "2000-01-01")
    assert "'yesterday' is no month" in busy("--from", "yesterday", code=2)


def test_a_name_moves_no_cursor_and_pretends_nothing(shell: Shell) -> None:
    detail = {"name": "a\x1b[2J team=other", "empty": "", "scopes": ["ask"], "note": None}
    with writing(shell.ledger.engine) as connection:
        note_event(connection, "ada\x1b[31m\nroot", "key.created", detail)
    heading, row = shell().splitlines()
    assert heading.startswith("TIME")
    assert row.isprintable()
    assert r'name="a\u001b[2J team=other" empty="" scopes=["ask"] note=null' in row
    assert shell.json()[0]["detail"] == detail


def test_a_new_ledger_has_nothing_to_say(shell: Shell) -> None:
    assert shell() == "nothing was changed\n"
    assert shell.json() == []
