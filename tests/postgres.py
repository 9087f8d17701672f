"""Debian's PostgreSQL on loopback, for tests of what has to hold on it too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from benchmarks.postgres import NotInstalledError, postgres


@contextmanager
def running_server() -> Iterator[str]:
    """A server of its own with nothing in it; skips where there is none to start."""
    try:
        # No test pulls the plug.
        with postgres(fsync="off", max_connections="200") as address:
            yield address
    except NotInstalledError as error:
        pytest.skip(str(error))


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
