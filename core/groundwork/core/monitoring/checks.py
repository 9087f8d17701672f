"""When an index was last held against its sources: a table of the ledger's database, one row an index.

An index whose sources do not change keeps its version, however often it is looked at; its age is the time since it was last
found, or made, to hold what they hold.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

import sqlalchemy as sql

from groundwork.core.errors import Unavailable
from groundwork.core.metering.database import (
    create_tables,
    insert_or,
    open_engine,
    reading,
    writing,
)
from groundwork.core.settings import Settings

_log = logging.getLogger("groundwork.monitoring")

_metadata = sql.MetaData()
_checks = sql.Table(
    "index_checks",
    _metadata,
    sql.Column("index_name", sql.String(128), primary_key=True),
    sql.Column("version", sql.String(64), nullable=False),
    # Milliseconds since 1970.
    sql.Column("at", sql.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Check:
    """The version that held what the sources held, and when, in seconds since 1970."""

    version: str
    at: float


class Checks:
    """Safe to use from several threads and processes. Every method raises Unavailable where the database does not answer."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self._engine = open_engine(url)
        self._clock = clock
        create_tables(self._engine, _metadata)

    def note(self, index: str, version: str) -> None:
        """An ingest ended well: what answers holds what the sources hold."""
        values = {"version": version, "at": round(self._clock() * 1000)}
        with writing(self._engine) as connection:
            statement = insert_or(_checks, connection).values(index_name=index, **values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["index_name"], set_=values)
            )

    def all(self) -> Mapping[str, Check]:
        """The last one of every index."""
        with reading(self._engine) as connection:
            rows = connection.execute(sql.select(_checks)).all()
        return {row.index_name: Check(row.version, row.at / 1000) for row in rows}

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def note_check(settings: Settings, index: str, version: str | None) -> None:
    """The same, by whoever ran the ingest. It has ended well, so a database that does not answer is a warning only."""
    if version is None:
        return
    try:
        with closing(Checks(settings.ledger_url)) as checks:
            checks.note(index, version)
    except Unavailable as error:
        _log.warning("when %s was looked at is not kept: %s", index, error.detail)


def checked_at(check: Check | None, version: str, built: float) -> float:
    """When a live version was last known to hold what its sources hold: at the check of it, else when it was built."""
    return max(built, check.at) if check is not None and check.version == version else built
