"""The ledger's database: every thread of a process has a connection, and replicas that start together agree on tables."""

from __future__ import annotations

import gc
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

from groundwork.core.errors import Unavailable
from groundwork.core.metering import database
from groundwork.core.metering.database import (
    CONNECTIONS,
    create_tables,
    open_engine,
    reading,
    writing,
)
from tests.postgres import new_database

# asyncio answers with at most 32 threads; the recorder, the follower and others are beside them.
THREADS = CONNECTIONS


def test_every_thread_has_a_connection_at_the_same_time(database_url: str) -> None:
    engine = open_engine(database_url)
    everybody = threading.Barrier(THREADS)

    def read(n: int) -> int:
        with reading(engine) as connection:
            # Nobody goes on before all of them have one.
            everybody.wait(timeout=20)
            return int(connection.execute(sql.select(sql.literal(n))).scalar_one())

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(read, range(THREADS))) == list(range(THREADS))
    engine.dispose()


def test_connections_come_and_go_with_the_load(database_url: str) -> None:
    engine = open_engine(database_url)
    with ThreadPoolExecutor(THREADS) as pool:
        everybody = threading.Barrier(THREADS)

        def read(_n: int) -> None:
            with reading(engine):
                everybody.wait(timeout=20)

        list(pool.map(read, range(THREADS)))
    assert isinstance(engine.pool, sql.QueuePool)
    assert engine.pool.checkedin() == 10
    engine.dispose()


def test_stores_of_a_process_share_connections_and_one_may_close(
    postgres_server: str, tmp_path: Path
) -> None:
    url = new_database(postgres_server, f"shared_{uuid.uuid4().hex[:12]}")
    first, second = open_engine(url), open_engine(url.replace("+psycopg", ""))
    assert first is second
    with reading(second) as connection:
        first.dispose()
        assert connection.execute(sql.select(sql.literal(1))).scalar_one() == 1
        connection.detach()
    with reading(second) as connection:
        assert connection.execute(sql.select(sql.literal(2))).scalar_one() == 2
    second.dispose()
    # Files have a lock of their own, and connections cost nothing.
    files = [open_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}") for _ in range(2)]
    assert files[0] is not files[1]


def test_one_thread_too_many_is_told_and_not_left_waiting(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_POOL", {**database._POOL, "pool_timeout": 0.1})
    engine = open_engine(database_url)
    held = [engine.connect() for _ in range(THREADS)]
    began = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"), reading(engine):
        pass
    assert time.monotonic() - began < 5
    for connection in held:
        connection.close()
    with reading(engine) as connection:
        assert connection.execute(sql.select(sql.literal(1))).scalar_one() == 1
    engine.dispose()


def test_replicas_that_start_together_make_each_table_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = sql.MetaData()
    for n in range(12):
        sql.Table(f"toys_{n}", metadata, sql.Column("id", sql.Integer, primary_key=True))
    # Processes have engines of their own.
    monkeypatch.setattr(database, "_SHARED", {})
    engines = []
    for _ in range(8):
        engines.append(open_engine(database_url))
        database._SHARED.clear()
    for engine in engines:
        # Connected before the start, so that they are at it together.
        with reading(engine) as connection:
            connection.execute(sql.select(sql.literal(1)))
    together = threading.Barrier(len(engines))

    def start(engine: sql.Engine) -> None:
        together.wait(timeout=20)
        create_tables(engine, metadata)

    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(start, engines))
    with writing(engines[0]) as connection:
        for table in metadata.tables.values():
            connection.execute(sql.insert(table).values(id=1))
    for engine in engines:
        engine.dispose()


def test_nothing_stays_open_where_nobody_has_the_engine_any_more(
    postgres_server: str,
) -> None:
    engine = open_engine(new_database(postgres_server, f"left_{uuid.uuid4().hex[:12]}"))
    held = engine.connect()
    raw = held.connection.dbapi_connection
    assert raw is not None
    # Another store that shares the engine is closed while this one uses it.
    engine.dispose()
    held.close()
    del held, engine
    gc.collect()
    assert raw.closed
