"""What the registry costs on SQLite: its import, its first start, a look at a line, a move, a line of many releases."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from groundwork.core.registry.base import Candidate, Line
from groundwork.core.registry.open import open_registry
from groundwork.core.registry.promotion import NoCarrier, Reason, previous, promote, rollback
from groundwork.core.settings import Settings

T = TypeVar("T")

_LINE = Line("assistant", "docs")
_WHY = Reason("bench", "bench")
_MANY = 100
_IMPORT = "import time; a = time.process_time(); from mlflow import MlflowClient; print(time.process_time() - a)"


def main(_settings: Settings) -> None:
    """In a home of its own."""
    print("| What | CPU, ms | Wall, ms |\n|---|---|---|")
    said = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    print(f"| Import of MLflow's client | {float(said.stdout) * 1000:.0f} | |")
    with tempfile.TemporaryDirectory() as temporary:
        _measure(Settings(home=Path(temporary)))


def _measure(settings: Settings) -> None:
    # What the import costs is told above.
    with tempfile.TemporaryDirectory() as other:
        open_registry(Settings(home=Path(other)))
    registry = _timed("A new registry: its tables", lambda: open_registry(settings))
    _timed("Open it again", lambda: open_registry(settings))
    # Of an assistant's size: a recipe, a policy, prices, two prompts.
    files: dict[str, bytes | Path] = {f"{name}.json": b"x" * 4_000 for name in "abcde"}

    def candidate(number: int) -> Candidate:
        return Candidate(_LINE, {"number": number}, files, metrics={"passed": 0.8})

    first = _timed("Register the first release", lambda: registry.register(candidate(0)))
    second = _timed("Register another", lambda: registry.register(candidate(1)))
    promote(registry, first, _WHY, NoCarrier())
    _timed("Promote", lambda: promote(registry, second, _WHY, NoCarrier()))
    _timed(
        "Roll back",
        lambda: rollback(registry, previous(registry, second), _WHY, NoCarrier()),
    )
    for number in range(2, _MANY):
        registry.register(candidate(number))

    def look() -> None:
        registry.aliases(_LINE)
        registry.tags(_LINE)

    # What was read a moment ago is not read again.
    time.sleep(0.1)
    _timed("Look at a line: aliases and notes", look)
    _timed(f"Find the champion of {_MANY} releases", lambda: registry.find("champion", _LINE), 20)
    _timed("Find a release by its id", lambda: registry.find(first.id), 20)
    with tempfile.TemporaryDirectory() as folder:
        _timed("Bring its five files and check them", lambda: registry.files(first, Path(folder)))
    _timed(f"List {_MANY} releases", lambda: registry.releases(_LINE), 5)
    _timed("Read a line's history", lambda: registry.history(_LINE), 5)
    registry.close()


def _timed(what: str, act: Callable[[], T], times: int = 1) -> T:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        found = act()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"| {what} | {cpu / times * 1000:.1f} | {wall / times * 1000:.1f} |", flush=True)
    return found
