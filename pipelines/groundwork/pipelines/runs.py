"""Runs on this machine: one folder each under `GROUNDWORK_HOME/pipelines/runs`.

run.json        which pipeline, its arguments, its state
events.jsonl    what its steps say, one line an event; written by several processes
run.log         everything that the steps print
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from groundwork.core.errors import InvalidInput, NotFound

State = Literal["running", "succeeded", "failed", "interrupted"]
Happened = Literal["started", "progress", "finished", "failed"]

# kfp.local runs at most so many iterations of a loop at a time.
MOST_PARALLEL = 2

_RUN, _EVENTS, _LOG, _RESULT = "run.json", "events.jsonl", "run.log", "result.json"
_LEFT = "left.txt"


@dataclass(frozen=True, slots=True)
class Run:
    """What runs. Times are UTC ISO 8601; `error` is a sentence where it failed. `resumed` counts how often it went on."""

    id: str
    pipeline: str
    arguments: Mapping[str, Any]
    began_at: str
    state: State = "running"
    ended_at: str | None = None
    error: str = ""
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What a step said. `at` is UTC seconds; `part` tells steps of one name apart, as `3/5`; `pid` is its process.

    `seconds` is how long the step took, where it has ended; `text` what it did, or why it failed.
    """

    step: str
    part: str
    happened: Happened
    at: float
    text: str = ""
    seconds: float = 0.0
    pid: int = 0


@dataclass(slots=True)
class StepState:
    """Where a step is, made of its events. `attempts` counts its starts."""

    step: str
    part: str
    state: Literal["running", "succeeded", "failed"] = "running"
    began: float = 0.0
    seconds: float = 0.0
    attempts: int = 0
    text: str = ""
    pid: int = 0

    @property
    def name(self) -> str:
        """With its part."""
        return f"{self.step} {self.part}".rstrip()


class RunFolder:
    """One run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def log(self) -> Path:
        """What the steps printed."""
        return self.path / _LOG

    @property
    def run(self) -> Run:
        """Raises NotFound or InvalidInput."""
        try:
            return Run(**orjson.loads((self.path / _RUN).read_bytes()))
        except FileNotFoundError:
            raise NotFound(f"there is no run {self.path.name}", field="run") from None
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{self.path / _RUN}: {error}", field="run") from None

    def begin(self, pipeline: str, arguments: Mapping[str, Any]) -> Run:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self._write(Run(self.path.name, pipeline, dict(arguments), _now()))

    def go_on(self) -> Run:
        """The same again."""
        run = self.run
        return self._write(
            replace(run, state="running", ended_at=None, error="", resumed=run.resumed + 1)
        )

    def end(self, state: State, error: str = "") -> Run:
        """It ended so."""
        return self._write(replace(self.run, state=state, ended_at=_now(), error=error))

    def say(self, event: Event) -> None:
        """Add an event: one write, so that lines of several processes do not mix."""
        line = orjson.dumps(asdict(event)) + b"\n"
        handle = os.open(self.path / _EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def events(self) -> list[Event]:
        """All complete lines so far."""
        path = self.path / _EVENTS
        content = path.read_bytes() if path.is_file() else b""
        return [Event(**orjson.loads(line)) for line in content.split(b"\n")[:-1]]

    def keep_result(self, result: Mapping[str, Any]) -> None:
        """What the run came to, for whoever started it."""
        fresh = self.path / f".{_RESULT}.new"
        fresh.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
        fresh.replace(self.path / _RESULT)

    def leave(self, urls: Iterable[str]) -> None:
        """Note files that are of no use once the run has succeeded."""
        with (self.path / _LEFT).open("a", encoding="utf-8") as file:
            file.writelines(f"{url}\n" for url in urls)

    def left(self) -> list[str]:
        """All that was noted, by this try or a former one."""
        path = self.path / _LEFT
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []

    def remember(self, name: str, value: Mapping[str, Any]) -> None:
        """Keep what a later try of this run must not decide again."""
        (self.path / f"{name}.json").write_bytes(orjson.dumps(value))

    def recalled(self, name: str) -> dict[str, Any] | None:
        """What was kept so, if anything."""
        path = self.path / f"{name}.json"
        return dict(orjson.loads(path.read_bytes())) if path.is_file() else None

    def result(self) -> dict[str, Any]:
        """What `keep_result` kept; nothing where it did not come so far."""
        path = self.path / _RESULT
        return dict(orjson.loads(path.read_bytes())) if path.is_file() else {}

    def _write(self, run: Run) -> Run:
        fresh = self.path / f".{_RUN}.new"
        fresh.write_bytes(orjson.dumps(asdict(run), option=orjson.OPT_INDENT_2) + b"\n")
        fresh.replace(self.path / _RUN)
        return run


class RunFolders:
    """All runs of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "pipelines" / "runs"

    def new(self, pipeline: str) -> RunFolder:
        """A folder that nobody has."""
        stamp = datetime.now(UTC)
        return RunFolder(self.folder / f"{stamp:%Y%m%d-%H%M%S}-{pipeline}-{secrets.token_hex(2)}")

    def all(self) -> list[RunFolder]:
        """Newest first."""
        found = [path.parent for path in self.folder.glob(f"*/{_RUN}")]
        return [RunFolder(path) for path in sorted(found, reverse=True)]

    def open(self, name: str) -> RunFolder:
        """By id. Raises NotFound."""
        folder = RunFolder(self.folder / Path(name).name)
        _ = folder.run
        return folder

    def unfinished(self, pipeline: str) -> RunFolder:
        """The newest run of a pipeline, where it did not succeed. Raises NotFound."""
        newest = next((one for one in self.all() if one.run.pipeline == pipeline), None)
        if newest is None or newest.run.state == "succeeded":
            raise NotFound(
                f"no run of {pipeline} is unfinished; start one: groundwork pipeline run {pipeline}",
                field="resume",
            )
        return newest


def states(events: list[Event], since: float = 0.0) -> list[StepState]:
    """Where each step is, in the order in which they began; events before `since` (UTC seconds) are left out."""
    found: dict[tuple[str, str], StepState] = {}
    for event in events:
        if event.at < since:
            continue
        key = (event.step, event.part)
        state = found.setdefault(key, StepState(event.step, event.part, began=event.at))
        _apply(state, event)
    return list(found.values())


def _apply(state: StepState, event: Event) -> None:
    if event.happened == "started":
        state.state, state.began, state.pid = "running", event.at, event.pid
        state.attempts += 1
    elif event.happened == "progress":
        state.text = event.text
    else:
        state.state = "succeeded" if event.happened == "finished" else "failed"
        state.seconds = event.seconds
        state.text = event.text


def event_now(
    step: str, part: str, happened: Happened, text: str = "", seconds: float = 0.0
) -> Event:
    """An event of this moment and process."""
    return Event(step, part, happened, time.time(), text, round(seconds, 3), os.getpid())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
