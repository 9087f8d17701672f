"""Opening the ledger's database: SQLite in WAL mode, or PostgreSQL through psycopg 3."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary, finalize

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from groundwork.core.errors import ConfigurationError, Unavailable

_BUSY_MS = 5000
# A thread uses one connection at a time, and a process has at most 32 for requests (asyncio's own pool) and a few beside them.
# With fewer connections than threads, those that wait for one are overtaken by those that come back for another, and in the
# end a busy database counts as absent. A quarter is kept open; the rest come and go with the load.
CONNECTIONS = 40
_POOL = {"pool_size": 10, "max_overflow": CONNECTIONS - 10, "pool_timeout": _BUSY_MS / 1000}
# Any number that nobody else takes; migrations have their own.
_TABLES_LOCK = 0x67776462
# As long as somebody has it.
_SHARED: WeakValueDictionary[sql.URL, sql.Engine] = WeakValueDictionary()
_opening = threading.Lock()
# By the database's file.
_TURNS: dict[str, threading.Lock] = {}
# How long a lock or a connection is waited for before the database counts as absent.
_POSTGRES_OPTIONS = f"-c lock_timeout={_BUSY_MS} -c timezone=UTC"


def open_engine(url: str) -> sql.Engine:
    """An engine on this URL. Connects at first use. Raises ConfigurationError for other databases.

    On PostgreSQL all stores of a process share one, or each would keep connections of its own. Whoever disposes of it closes
    what is idle, and no more.
    """
    parsed = sql.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise ConfigurationError(
            f"ledger.url begins with {parsed.drivername}; use sqlite:/// or postgresql+psycopg://",
            field="ledger.url",
        )
    with _opening:
        engine = _SHARED.get(parsed)
        if engine is None:
            engine = _SHARED[parsed] = sql.create_engine(
                parsed,
                pool_pre_ping=True,
                **_POOL,
                connect_args={"connect_timeout": 3, "options": _POSTGRES_OPTIONS},
            )
            _close_with(engine)
    return engine


def _close_with(engine: sql.Engine) -> None:
    """Close what is open when nobody has the engine any more, however its users left it.

    A connection that was in use while another store disposed of the engine goes back to a pool that nobody sees.
    """
    connections: set[Any] = set()
    sql.event.listen(engine, "connect", lambda connection, _: connections.add(connection))
    sql.event.listen(engine, "close", lambda connection, _: connections.discard(connection))
    finalize(engine, _close_all, connections)


def _close_all(connections: set[Any]) -> None:
    while connections:
        connections.pop().close()


@contextmanager
def reading(engine: sql.Engine) -> Iterator[sql.Connection]:
    """A connection to read with: one snapshot on SQLite. Raises Unavailable."""
    with _reachable(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: sql.Engine, *, durable: bool = True) -> Iterator[sql.Connection]:
    """One transaction that is committed at the end. Raises Unavailable.

    What is not `durable` may be undone by a power cut, on SQLite, and does not wait for the disk.

    On SQLite it takes the write lock at once: a transaction that reads first and writes later could not be
    made to wait, only to fail.
    """
    options = {"writes": True, "durable": durable}
    with (
        _reachable(engine),
        _turn(engine),
        engine.execution_options(**options).begin() as connection,
    ):
        yield connection


def create_tables(engine: sql.Engine, metadata: sql.MetaData) -> None:
    """Make those that are missing. Raises Unavailable.

    Replicas that start together take turns: on PostgreSQL two that find a table missing would both make it, and one would fail.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_TABLES_LOCK)))
        metadata.create_all(connection)


@contextmanager
def _turn(engine: sql.Engine) -> Iterator[None]:
    """One writer at a time in this process: SQLite's own wait for the lock sleeps for milliseconds between looks."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    lock = _TURNS.setdefault(file, threading.Lock()) if file else None
    # Who waited too long goes on, and hears from SQLite what is the matter.
    taken = lock is not None and lock.acquire(timeout=_BUSY_MS / 1000)
    try:
        yield
    finally:
        if lock is not None and taken:
            lock.release()


def insert_or(table: sql.Table, connection: sql.Connection) -> Any:
    """An INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update` on this connection's database."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def add_up(
    connection: sql.Connection, table: sql.Table, rows: Sequence[dict[str, Any]], *sums: str
) -> None:
    """Insert rows, and where a row of that primary key is there, add these columns to it.

    The rows must be sorted by key by all writers alike, or two of them could wait for each other.
    """
    if not rows:
        return
    statement = insert_or(table, connection)
    added = {name: table.c[name] + statement.excluded[name] for name in sums}
    keys = [column.name for column in table.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=added), list(rows))


def _sqlite(url: sql.URL) -> sql.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sql.create_engine(url, **_POOL)
    else:
        engine = sql.create_engine(url)
    sql.event.listen(engine, "connect", _on_connect)
    sql.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and not for DDL; `_on_begin` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _on_begin(connection: sql.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes"):
        connection.exec_driver_sql("BEGIN")
        return
    # In WAL mode NORMAL is consistent always and durable at checkpoints; FULL waits for the disk at each commit.
    level = "FULL" if options.get("durable", True) else "NORMAL"
    connection.exec_driver_sql(f"PRAGMA synchronous={level}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _reachable(engine: sql.Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        where = engine.url.render_as_string(hide_password=True)
        why = getattr(error, "orig", None) or error
        raise Unavailable(
            f"the ledger at {where} does not answer: {str(why).strip()}", field="ledger.url"
        ) from error
