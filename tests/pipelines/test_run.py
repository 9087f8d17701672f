"""Pipelines run on this machine: killed, tried again, gone on with, and in the end what the direct command makes."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.cli.run import run as run_command
from groundwork.core.settings import Settings, load
from groundwork.pipelines.local import execute, start
from groundwork.pipelines.runs import RunFolder, RunFolders, StepState

PAGES = 6


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for n in range(PAGES):
        parts = "".join(f"## Part {m}\n\nAbout {n} and {m}.\n\n" for m in range(4))
        (folder / f"p{n}.md").write_text(f"# Page {n}\n\n{parts}")
    return folder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {
        "GROUNDWORK_HOME": str(tmp_path / "home"),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
        "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false",
        "GROUNDWORK_PIPELINES__RETRIES": "1",
        "GROUNDWORK_PIPELINES__BACKOFF_SECONDS": "0",
    }.items():
        monkeypatch.setenv(name, value)
    return load()


class Meddler:
    """Looks on, kills the first process of one step, and presses Ctrl-C when another one begins."""

    def __init__(self, kills: str = "", stops_at: str = "") -> None:
        self.kills, self.stops_at = kills, stops_at
        self.killed: list[int] = []
        self.last: list[StepState] = []

    def show(self, steps: list[StepState], now: float) -> None:
        self.last = steps
        for one in steps:
            if one.step == self.kills and one.state == "running" and not self.killed:
                self.killed.append(one.pid)
                os.kill(one.pid, signal.SIGKILL)
            if one.step == self.stops_at:
                self.stops_at = ""
                raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing to close."""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that nobody has waited for is no process any more.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]


def test_killed_tried_again_and_resumed_it_is_the_version_of_a_direct_ingest(
    pages: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = start(settings, "ingest", {"sources": [str(pages)], "shards": 2})
    first = Meddler(kills="plan", stops_at="embed")
    with pytest.raises(KeyboardInterrupt):
        execute(folder, first)
    assert folder.run.state == "interrupted"
    assert not any(alive(one.pid) for one in first.last)
    planned = next(one for one in first.last if one.step == "plan")
    assert (planned.attempts, planned.state) == (2, "succeeded")

    assert RunFolders(settings.home).unfinished("ingest").path == folder.path
    folder.go_on()
    second = Meddler()
    execute(folder, second)
    run, result = folder.run, folder.result()
    assert (run.state, run.resumed) == ("succeeded", 1)
    assert {one.step for one in second.last} >= {"discover", "build", "promote", "report"}
    assert (result["promoted"], result["pages"]) == (True, PAGES)
    # What stood between the steps is of no use any more.
    assert folder.left() != []
    assert list((settings.home / "pipelines" / "artifacts").rglob("*.parquet")) == []

    monkeypatch.setenv("GROUNDWORK_HOME", str(settings.home.parent / "direct"))
    direct = CliRunner().invoke(cli, ["ingest", str(pages), "--json"], catch_exceptions=False)
    whole = json.loads(direct.stdout)
    assert (whole["version"], whole["chunks"]) == (result["version"], result["chunks"])


class _Hook(BaseHTTPRequestHandler):
    told: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append(json.loads(body)["text"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[str]]]:
    told: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"told": told}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", told
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_failure_is_said_to_whoever_runs_it_and_to_the_webhook(
    settings: Settings,
    webhook: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, told = webhook
    monkeypatch.setenv("GROUNDWORK_PIPELINES__WEBHOOK", address)
    monkeypatch.setenv("GROUNDWORK_PIPELINES__RETRIES", "0")
    assert run_command(cli, ["pipeline", "run", "ingest", "--source", "/nowhere/at/all"]) == 1
    error = capsys.readouterr().err
    assert "discover failed" in error
    assert "There is no file or folder '/nowhere/at/all'" in error
    (text,) = told
    assert text.startswith("pipeline ingest failed")
    assert "There is no file or folder" in text
    (folder,) = RunFolders(settings.home).all()
    assert folder.run.state == "failed"
    assert "--resume" in error


def test_resuming_keeps_to_the_run(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(cli, ["pipeline", "run", "ingest", "--resume"]) == 1
    assert "no run of ingest is unfinished" in capsys.readouterr().err
    folder = start(settings, "train", {"kind": "ocr"})
    assert run_command(cli, ["pipeline", "run", "ingest", "--resume", folder.path.name]) == 2
    assert "is a run of train" in capsys.readouterr().err
    arguments = ["pipeline", "run", "train", "--resume", folder.path.name, "--param", "kind=ocr"]
    assert run_command(cli, arguments) == 2
    assert RunFolder(folder.path).run.state == "running"
