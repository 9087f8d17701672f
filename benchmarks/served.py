"""Servers in processes of their own: started on a free port of loopback, watched, ended. Linux only: it reads /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.process import tree

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 120.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `root` is its address."""

    pid: int
    root: str

    def cpu_seconds(self) -> float:
        """User and system time of its processes up to now, in steps of 10 ms."""
        return sum(map(_cpu, tree(self.pid)))


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve(
    command: Sequence[str],
    port: int,
    health: str,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run until the block ends. Raises RuntimeError with what it said where it does not become healthy."""
    root = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if not _ready(process, root + health):
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not start: {log.read()[-3000:]}")
            yield Server(process.pid, root)
        finally:
            _stop(process)


def _ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        # An address of loopback that this module has made.
        with suppress(URLError, OSError), urlopen(url, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return True
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The whole group: servers leave workers behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)


def _cpu(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # the process ended meanwhile
        return 0.0
    # The second field, the command in parentheses, may hold blanks.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
