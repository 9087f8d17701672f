"""Observations of trials in the ledger's database, where all replicas see them.

One row a request, only while something is tried. The ledger itself does not know all that is needed: which conversation a
request belongs to, how sure the answer was, and requests that failed before they could cost anything.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from groundwork.core.errors import Unavailable
from groundwork.core.metering.database import (
    create_tables,
    insert_or,
    open_engine,
    reading,
    writing,
)
from groundwork.core.metering.tables import MAX_PICODOLLARS
from groundwork.core.registry.observe import Arms, Observation, Role

_log = logging.getLogger("groundwork.releases")

_GATHER_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_BATCH = 500
# While the database is away; then the oldest go, of both releases alike.
_MAX_WAITING = 20_000
_STOP_SECONDS = 10.0

_metadata = sql.MetaData()
_observations = sql.Table(
    "observations",
    _metadata,
    sql.Column("trial", sql.String(32), primary_key=True),
    sql.Column("role", sql.String(16), primary_key=True),
    sql.Column("request", sql.String(64), primary_key=True),
    sql.Column("unit", sql.String(64), nullable=False),
    sql.Column("at", sql.BigInteger, nullable=False, index=True),
    sql.Column("outcome", sql.String(16), nullable=False),
    sql.Column("latency_ms", sql.Float),
    sql.Column("picodollars", sql.BigInteger),
    sql.Column("confidence", sql.Float),
)
# Of the answers' store, where there is one.
_feedback = sql.table("feedback", sql.column("id"), sql.column("answer_id"), sql.column("rating"))


class LedgerObservations:
    """Written by a thread, in batches. Safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        """Opens the database at the first write or read."""
        self._url = url
        self._engine: sql.Engine | None = None
        self._opening = threading.Lock()
        self._flushing = threading.Lock()
        self._waiting: deque[Observation] = deque(maxlen=_MAX_WAITING)
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, seen: Observation) -> None:
        """Keep it; it is written within a second, by a thread that the first one starts."""
        self._waiting.append(seen)
        self._wake.set()
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Write what waits. Raises Unavailable; then it waits on."""
        with self._flushing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                try:
                    self._write(batch)
                except (Unavailable, SQLAlchemyError, OSError):
                    self._waiting.extendleft(reversed(batch))
                    raise

    def counts(self, trial: str) -> Mapping[Role, int]:
        """Requests by role. Raises Unavailable."""
        table = _observations
        query = (
            sql.select(table.c.role, sql.func.count())
            .where(table.c.trial == trial)
            .group_by(table.c.role)
        )
        with reading(self._opened()) as connection:
            found = {str(row[0]): int(row[1]) for row in connection.execute(query)}
        return {"champion": found.get("champion", 0), "challenger": found.get("challenger", 0)}

    def read(self, trial: str) -> Arms:
        """Everything that was seen, with the last judgement of each answer. Raises Unavailable."""
        query = sql.select(_observations).where(_observations.c.trial == trial)
        with reading(self._opened()) as connection:
            rows = connection.execute(query.order_by(_observations.c.at)).mappings().all()
            seen = [Observation(**row) for row in rows]
            if sql.inspect(connection).has_table("feedback"):
                seen = _rated(seen, connection, trial)
        return Arms.of(seen)

    def forget(self, before: int) -> int:
        """Delete what was seen before this instant, in milliseconds since 1970. Raises Unavailable."""
        statement = sql.delete(_observations).where(_observations.c.at < before)
        with writing(self._opened()) as connection:
            return connection.execute(statement).rowcount

    def close(self) -> None:
        """Write what waits, where the database answers, and release connections."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        try:
            self.flush()
        except (Unavailable, SQLAlchemyError, OSError) as error:
            _log.warning("%d observations are lost: %s", len(self._waiting), error)
        if self._engine is not None:
            self._engine.dispose()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="observations", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            # A batch is hardly dearer than one.
            self._closing.wait(_GATHER_SECONDS)
            try:
                self.flush()
            except (Unavailable, SQLAlchemyError, OSError) as error:
                _log.warning("%d observations wait: %s", len(self._waiting), error)
                self._closing.wait(_RETRY_SECONDS)
                self._wake.set()

    def _opened(self) -> sql.Engine:
        with self._opening:
            if self._engine is None:
                engine = open_engine(self._url)
                create_tables(engine, _metadata)
                self._engine = engine
            return self._engine

    def _write(self, batch: Sequence[Observation]) -> None:
        with writing(self._opened(), durable=False) as connection:
            insert = insert_or(_observations, connection).on_conflict_do_nothing()
            connection.execute(insert, [_row(each) for each in batch])


def _row(seen: Observation) -> dict[str, Any]:
    row = {**asdict(seen), "request": seen.request[:64], "outcome": seen.outcome[:16]}
    row.pop("rating")
    if seen.picodollars is not None:
        row["picodollars"] = min(seen.picodollars, MAX_PICODOLLARS)
    return row


def _rated(seen: list[Observation], connection: sql.Connection, trial: str) -> list[Observation]:
    table = _observations
    query = (
        sql.select(_feedback.c.answer_id, _feedback.c.rating)
        .join(table, table.c.request == _feedback.c.answer_id)
        .where(table.c.trial == trial)
        .order_by(_feedback.c.id)
    )
    last = {str(row[0]): str(row[1]) for row in connection.execute(query)}
    # What a reader judged is the answer that was shown: in a shadow trial, the champion's.
    return [
        replace(one, rating=last.get(one.request)) if one.request in last else one for one in seen
    ]
