"""Debian's PostgreSQL on loopback: a server of one's own, for benchmarks and for tests of what has to hold on it too."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.served import free_port

_START_SECONDS = 30.0


class NotInstalledError(RuntimeError):
    """There is no server to start."""


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`; Debian does not put it on the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@contextmanager
def postgres(**options: str) -> Iterator[str]:
    """A server with nothing in it; yields its address as `postgresql://user@host:port`.

    `options` are the server's own, such as `fsync="off"`. Raises NotInstalledError, RuntimeError where it does not start.
    """
    binaries = find_binaries()
    if binaries is None:
        raise NotInstalledError("PostgreSQL is not installed (Debian: apt install postgresql)")
    with tempfile.TemporaryDirectory(prefix="groundwork-postgres-") as name:
        folder = Path(name)
        _give_to_postgres(folder)
        _make(binaries, folder)
        port = free_port()
        set_to = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
        flags = [f"--{option}={value}" for option, value in (set_to | options).items()]
        command: list[str | Path] = [
            *_as_nobody_special(),
            binaries / "postgres",
            "-D",
            folder / "data",
            *flags,
        ]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            address = f"postgresql://groundwork@127.0.0.1:{port}"
            _wait_for(address, server, folder / "log")
            yield address
        finally:
            # At once and without a checkpoint: nothing of it is kept.
            server.send_signal(signal.SIGQUIT)
            server.wait(_START_SECONDS)


def _make(binaries: Path, folder: Path) -> None:
    made = subprocess.run(
        [*_as_nobody_special(), binaries / "initdb", "-D", folder / "data", "-U", "groundwork", "-A", "trust", "--no-sync"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stderr}")


def _as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def _give_to_postgres(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
