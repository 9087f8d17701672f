"""The slack command: what it refuses, the review queue, and what Slack questions cost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from groundwork.cli import cli
from groundwork.cli.checks import all_checks
from groundwork.cli.run import run
from groundwork.core.metering.database import open_engine
from groundwork.core.settings import EmbedderSettings, Settings, SlackSettings
from groundwork.serving.conversation_store import KeptTurn
from groundwork.serving.slack.review import Proposal, ReviewQueue
from tests.serving.api_fakes import QUESTION
from tests.serving.slack_double import PUBLIC, SECRET, USER, running_slack
from tests.serving.slack_world import opened


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_without_a_token_it_says_what_is_missing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["slack"]) == 2
    assert "GROUNDWORK_SLACK__BOT_TOKEN" in capsys.readouterr().err


def test_socket_mode_needs_an_app_token(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GROUNDWORK_SLACK__BOT_TOKEN", "xoxb-1")
    assert run(cli, ["slack", "--socket"]) == 2
    assert "GROUNDWORK_SLACK__APP_TOKEN" in capsys.readouterr().err
    assert run(cli, ["slack"]) == 2
    assert "GROUNDWORK_SLACK__SIGNING_SECRET" in capsys.readouterr().err


def test_doctor_says_whose_bot_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> tuple[bool, str]:
        async with running_slack() as slack:
            found = []
            for token in ("xoxb-1", "xoxb-2"):
                settings = Settings(
                    home=home,
                    slack=SlackSettings(
                        bot_token=token, signing_secret=SECRET, base_url=slack.base_url
                    ),
                    embedder=EmbedderSettings(engine="hashing"),
                )
                found += [
                    each
                    for each in await asyncio.to_thread(all_checks, settings)
                    if each.name == "slack"
                ]
            good, bad = found
            assert not bad.ok
            assert "invalid_auth" in bad.detail
            return good.ok, good.detail

    assert asyncio.run(check()) == (True, "g in t, mode http")


def test_the_review_queue(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(f"sqlite:///{home / 'ledger.sqlite'}")
    turn = KeptTurn(1, "2026-11-20T10:00:00.000Z", QUESTION, "ans-1", "By rollback. [1]")
    link = "https://slack.example.com/x"
    ReviewQueue(engine).add(Proposal("slack:C1:1.1", link, "slack:U1", (turn,)))
    engine.dispose()
    assert run(cli, ["slack", "queue", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["turns"][0] == {
        "question": QUESTION,
        "answer": "By rollback. [1]",
        "answer_id": "ans-1",
    }
    assert run(cli, ["slack", "queue", "list"]) == 0
    assert QUESTION in capsys.readouterr().out
    assert run(cli, ["slack", "queue", "remove", str(row["id"])]) == 0
    assert run(cli, ["slack", "queue", "remove", str(row["id"])]) == 1


def test_a_report_shows_who_asked_in_slack_and_where(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask() -> None:
        async with opened(home) as office:
            bot = await office.bot()
            mention = office.slack.mention(QUESTION)
            await bot.send(mention)
            await office.slack.answered(PUBLIC, mention["event"]["ts"])

    asyncio.run(ask())
    names = ["user", "channel", "project"]
    arguments = [part for name in names for part in ("--by", name)]
    assert run(cli, ["cost", "report", *arguments, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert [row[name] for name in names] == [f"slack:{USER}", "slack", f"slack:{PUBLIC}"]
    assert float(row["amount"]) > 0


def test_it_runs_as_a_process_of_its_own_and_stops_at_once(home: Path) -> None:
    port = _free_port()
    environment = {
        **os.environ,
        "GROUNDWORK_SLACK__BOT_TOKEN": "xoxb-1",
        "GROUNDWORK_SLACK__SIGNING_SECRET": SECRET,
        "GROUNDWORK_SLACK__BASE_URL": "http://127.0.0.1:9/api/",
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
    }
    command = [sys.executable, "-c", "from groundwork.cli import main; main()", "slack"]
    command += ["--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd=home.parent) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            refused = httpx.post(f"http://127.0.0.1:{port}/slack/events", content=b"{}")
            assert refused.status_code == 401
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        finally:
            process.kill()


def _free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str) -> None:
    import time

    for _ in range(300):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer")
