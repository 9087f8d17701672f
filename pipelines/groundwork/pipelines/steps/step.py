"""What all steps share: settings, progress that a run's folder or the log is told, and errors said once."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import GroundworkError
from groundwork.core.settings import Settings, load, quiet_libraries
from groundwork.pipelines.runs import RunFolder, event_now

_log = logging.getLogger("groundwork.pipelines")
_EVERY_SECONDS = 0.5


class Step:
    """A step under way; see `core.progress.Progress`. `done` is what it says at its end."""

    def __init__(self, name: str, part: str, settings: Settings) -> None:
        self.name, self.part, self.settings = name, part, settings
        self.done = ""
        self._folder = RunFolder(settings.pipelines.run) if settings.pipelines.run else None
        self._began = self._shown = time.monotonic()
        self._stage, self._unit, self._count = "", "", 0
        self._total: int | None = None

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """A stage of the step begins."""
        self._stage, self._total, self._unit, self._count = name, total, unit, 0
        self._say("progress", name)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Told now and then."""
        del note
        self._count += count
        now = time.monotonic()
        if now - self._shown >= _EVERY_SECONDS:
            self._shown = now
            of = f"/{self._total:,}" if self._total else ""
            self._say("progress", f"{self._stage}: {self._count:,}{of} {self._unit}".rstrip())

    def begin(self) -> None:
        """Said first."""
        self._say("started")

    def end(self) -> None:
        """Said last."""
        self._say("finished", self.done)

    def fail(self, why: str) -> None:
        """Said instead."""
        self._say("failed", why)

    def _say(self, happened: Any, text: str = "") -> None:
        seconds = time.monotonic() - self._began
        if self._folder is not None:
            self._folder.say(event_now(self.name, self.part, happened, text, seconds))
        if happened != "progress":
            _log.info("%s %s %s %s", self.name, self.part, happened, text)


@contextmanager
def step(name: str, part: str = "") -> Iterator[Step]:
    """The frame of a step. An error is said in one line, and raised so that the task fails and is tried again."""
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("groundwork").setLevel(logging.INFO)
    quiet_libraries()
    one = Step(name, part, load())
    one.begin()
    try:
        yield one
    except GroundworkError as error:
        one.fail(error.detail)
        raise
    except BaseException as error:
        one.fail(f"{type(error).__name__}: {error}")
        raise
    one.end()


def write_json(path: str, value: Any) -> None:
    """A file that a later step reads."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def read_json(path: str) -> Any:
    """What a former step wrote."""
    return orjson.loads(Path(path).read_bytes())


def keep_result(settings: Settings, told: Mapping[str, Any]) -> None:
    """Leave what the run came to for whoever started it on this machine."""
    if settings.pipelines.run is not None:
        RunFolder(settings.pipelines.run).keep_result(told)
