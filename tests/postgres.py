"""Debian's PostgreSQL on loopback, for tests of what has to hold on it too."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 30.0


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`; Debian does not put it on the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@contextmanager
def running_server() -> Iterator[str]:
    """A server of its own with nothing in it; yields its address as `postgresql://user@host:port`."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    with tempfile.TemporaryDirectory(prefix="groundwork-postgres-") as name:
        folder = Path(name)
        _give_to_postgres(folder)
        data = folder / "data"
        made = subprocess.run(
            [*_as_nobody_special(), binaries / "initdb", "-D", data, "-U", "groundwork", "-A", "trust", "--no-sync"],
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        port = _free_port()
        options = {
            "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "",
            "fsync": "off", "max_connections": "100",
        }  # fmt: skip
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*_as_nobody_special(), binaries / "postgres", "-D", data, *flags],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        try:
            address = f"postgresql://groundwork@127.0.0.1:{port}"
            _wait_for(address, server, folder / "log")
            yield address
        finally:
            # At once and without a checkpoint: nothing of it is kept.
            server.send_signal(signal.SIGQUIT)
            server.wait(_START_SECONDS)


def new_database(address: str, name: str) -> str:
    """Make an empty database; returns its SQLAlchemy URL."""
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{address}/{name}".replace("postgresql://", "postgresql+psycopg://")


def empty_tables(url: str, keep: str) -> None:
    """Empty all tables but one, past the triggers that forbid it."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        query = b"SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> %s"
        names = ", ".join(f'"{name}"' for (name,) in connection.execute(query, (keep,)))
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY".encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One server for the session."""
    with running_server() as address:
        yield address


def _as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def _give_to_postgres(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        else:
            return
