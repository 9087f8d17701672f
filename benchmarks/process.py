"""Running a command and measuring the whole tree of processes that it starts. Linux only: it reads /proc."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = resource.getpagesize()
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """What a command took. CPU is user and system time of the tree; the peak sums resident sets over it."""

    wall: float
    cpu: float
    peak_mib: float
    stdout: str


def run(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run to the end. Raises RuntimeError with what the command said where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watch = _Watch(process.pid)
        watch.start()
        stdout, stderr = process.communicate()
        wall = time.perf_counter() - began
        watch.stop()
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(command)} exited with {process.returncode}: {stderr[-2000:]}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, watch.peak / 2**20, stdout)


class _Watch(threading.Thread):
    """Polls the tree's resident memory, in bytes. Pages shared between processes count in each."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._done = threading.Event()

    def run(self) -> None:
        """Poll until stopped."""
        while not self._done.is_set():
            self.peak = max(self.peak, sum(map(_resident, tree(self._pid))))
            self._done.wait(_POLL_SECONDS)

    def stop(self) -> None:
        """End the polling."""
        self._done.set()
        self.join()


def tree(pid: int) -> Iterator[int]:
    """The process and all that it has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for child in found:
            yield from tree(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # the process ended meanwhile
        return 0
