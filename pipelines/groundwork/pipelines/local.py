"""Running a pipeline on this machine, and watching it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from groundwork.core.errors import GroundworkError
from groundwork.core.settings import Settings, run_environment
from groundwork.pipelines.runs import Run, RunFolder, RunFolders, StepState, states

_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_TAIL_BYTES = 2000


class View(Protocol):
    """Shows a run while it is under way."""

    def show(self, steps: list[StepState], now: float) -> None:
        """Called several times a second; `now` is UTC seconds."""
        ...

    def close(self) -> None:
        """The last state stays."""
        ...


def start(settings: Settings, name: str, arguments: Mapping[str, Any]) -> RunFolder:
    """A new run, which does not run yet."""
    folder = RunFolders(settings.home).new(name)
    folder.begin(name, arguments)
    return folder


def execute(folder: RunFolder, view: View) -> Run:
    """Run it to its end. Ctrl-C ends it with everything that it started; it can go on later.

    Raises GroundworkError with what the failed step said.
    """
    since = time.time()
    child = _spawn(folder)
    try:
        while child.poll() is None:
            view.show(states(folder.events(), since), time.time())
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        _end(child)
        folder.end("interrupted")
        raise
    finally:
        _end(child)
        view.show(states(folder.events(), since), time.time())
        view.close()
    if child.returncode == 0:
        return folder.end("succeeded")
    why = _why(folder, since)
    folder.end("failed", why)
    raise GroundworkError(
        f"{why}; log: {folder.log}; go on with: "
        f"groundwork pipeline run {folder.run.pipeline} --resume {folder.path.name}"
    )


def _spawn(folder: RunFolder) -> subprocess.Popen[bytes]:
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "groundwork.pipelines.child", str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=run_environment(folder.path),
            # A group of its own, which is ended as a whole.
            start_new_session=True,
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECONDS)
        # Whoever of the group has not gone by now.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _why(folder: RunFolder, since: float) -> str:
    steps = states(folder.events(), since)
    for one in steps:
        if one.state == "failed" and one.step != "report":
            return f"{one.name} failed: {one.text}"
    for one in steps:
        if one.state == "running":
            return f"{one.name} was killed"
    tail = folder.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
    last = tail.rsplit("\n", 1)[-1]
    return f"the run ended before its first step: {last}" if not steps else f"it failed: {last}"
