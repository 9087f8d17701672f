"""Observations, references and looks in the ledger's database, where all replicas of a service find them.

No text of a question or an answer is kept: numbers, a few known words, and vectors at a byte a coordinate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sql

from groundwork.core.metering.database import (
    create_tables,
    insert_or,
    open_engine,
    reading,
    writing,
)
from groundwork.core.monitoring.drift.packing import pack, unpack

_metadata = sql.MetaData()
_RowId = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_observations = sql.Table(
    "drift_observations",
    _metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("monitor", sql.String(96), nullable=False),
    # Whether the row is part of the monitor's reference.
    sql.Column("reference", sql.Boolean, nullable=False, server_default=sql.false()),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.Column("vectors", sql.LargeBinary, nullable=False),
    sql.Index("drift_observations_by_monitor", "monitor", "reference", "id"),
)
_monitors = sql.Table(
    "drift_monitors",
    _metadata,
    sql.Column("monitor", sql.String(96), primary_key=True),
    # Rows up to here are in the reference or were looked at.
    sql.Column("looked_to", sql.BigInteger, nullable=False, server_default="0"),
    # Whether the reference is full, so that further rows are looked at.
    sql.Column("complete", sql.Boolean, nullable=False, server_default=sql.false()),
    sql.Column("since", sql.BigInteger, nullable=False),
    sql.Column("reason", sql.String(200), nullable=False, server_default=""),
)
_looks = sql.Table(
    "drift_looks",
    _metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("monitor", sql.String(96), nullable=False, index=True),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)

Row = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a monitor is. `fresh` counts rows that no look has seen; `since` is in milliseconds since 1970."""

    reference: int
    fresh: int
    looked_to: int
    complete: bool
    since: int
    reason: str


class DriftStore:
    """Safe to use from several threads and processes. Every method raises Unavailable where the database does not answer."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        create_tables(self._engine, _metadata)

    def add(
        self,
        monitor: str,
        rows: Sequence[tuple[int, Mapping[str, Any]]],
        *,
        reference: bool = False,
    ) -> None:
        """Keep observations: (milliseconds since 1970, checked values), oldest first."""
        packed = [(at, *pack(values)) for at, values in rows]
        if not packed:
            return
        with writing(self._engine, durable=False) as connection:
            connection.execute(
                sql.insert(_observations),
                [
                    {"monitor": monitor, "reference": reference, "at": at, "body": body, "vectors": vectors}
                    for at, body, vectors in packed
                ],
            )  # fmt: skip

    def standing(self, monitor: str) -> Standing:
        """How many rows there are, of which kind."""
        with reading(self._engine) as connection:
            return _standing(connection, monitor)

    def learn(self, monitor: str, size: int) -> Standing:
        """Make the oldest rows that no look has seen part of the reference, until it has `size`."""
        with writing(self._engine) as connection:
            _lock(connection, monitor)
            standing = _standing(connection, monitor)
            wanted = size - standing.reference
            if standing.complete or not standing.fresh:
                return standing
            ids = connection.execute(
                _fresh(monitor, standing.looked_to).order_by(_observations.c.id).limit(wanted)
            ).scalars()
            last = max(ids)
            connection.execute(
                sql.update(_observations)
                .where(_observations.c.monitor == monitor, _observations.c.id <= last)
                .where(_observations.c.id > standing.looked_to)
                .values(reference=True)
            )
            _look_to(connection, monitor, last, complete=standing.fresh >= wanted)
            return _standing(connection, monitor)

    def reference(self, monitor: str) -> list[Row]:
        """Its rows, oldest first."""
        kept = _observations.c.monitor == monitor, _observations.c.reference
        return self._rows(sql.and_(*kept), None)

    def window(self, monitor: str, looked_to: int, most: int) -> list[Row]:
        """The newest rows that no look has seen, oldest first."""
        fresh = sql.and_(
            _observations.c.monitor == monitor,
            sql.not_(_observations.c.reference),
            _observations.c.id > looked_to,
        )
        return self._rows(fresh, most)

    def newest(self, monitor: str, most: int) -> list[Row]:
        """The newest rows beyond the reference, also those that were looked at; oldest first."""
        return self.window(monitor, 0, most)

    def looked(self, monitor: str, before: int, to: int, report: Mapping[str, Any]) -> bool:
        """Keep what a look found. False where another replica looked meanwhile: then nothing is kept."""
        with writing(self._engine) as connection:
            _lock(connection, monitor)
            if _standing(connection, monitor).looked_to != before:
                return False
            _look_to(connection, monitor, to)
            row = {"monitor": monitor, "at": now_ms(), "body": orjson.dumps(report)}
            connection.execute(sql.insert(_looks).values(row))
        return True

    def looks(self, monitor: str, most: int = 20) -> list[dict[str, Any]]:
        """What looks since the reference began have found, newest first."""
        query = (
            sql.select(_looks.c.body)
            .join(_monitors, _monitors.c.monitor == _looks.c.monitor)
            .where(_looks.c.monitor == monitor, _looks.c.at >= _monitors.c.since)
            .order_by(_looks.c.id.desc())
        )
        with reading(self._engine) as connection:
            return [orjson.loads(body) for body in connection.execute(query.limit(most)).scalars()]

    def begin(self, monitor: str, reason: str, *, complete: bool = False) -> None:
        """Forget the reference. What is observed from now on makes a new one, if it is not `complete` with what is added."""
        mine = _observations.c.monitor == monitor
        with writing(self._engine) as connection:
            _lock(connection, monitor)
            last = connection.execute(sql.select(sql.func.max(_observations.c.id)).where(mine))
            to = last.scalar_one_or_none() or 0
            connection.execute(
                sql.update(_observations)
                .where(mine, _observations.c.reference)
                .values(reference=False)
            )
            connection.execute(
                sql.update(_monitors)
                .where(_monitors.c.monitor == monitor)
                .values(looked_to=to, complete=complete, since=now_ms(), reason=reason[:200])
            )

    def names(self) -> list[str]:
        """Every monitor that has observed something."""
        with reading(self._engine) as connection:
            found = connection.execute(sql.select(_observations.c.monitor).distinct()).scalars()
            return sorted(found)

    def forget(self, monitor: str, keep_rows: int, keep_looks: int = 500) -> int:
        """Delete rows that were looked at, but for the newest, and old looks. Returns how many rows went."""
        mine = _observations.c.monitor == monitor, sql.not_(_observations.c.reference)
        with writing(self._engine) as connection:
            standing = _standing(connection, monitor)
            limit = connection.execute(
                sql.select(_observations.c.id)
                .where(*mine)
                .order_by(_observations.c.id.desc())
                .offset(keep_rows)
                .limit(1)
            ).scalar_one_or_none()
            old = connection.execute(
                sql.select(_looks.c.id)
                .where(_looks.c.monitor == monitor)
                .order_by(_looks.c.id.desc())
                .offset(keep_looks)
                .limit(1)
            ).scalar_one_or_none()
            if old is not None:
                connection.execute(
                    sql.delete(_looks).where(_looks.c.monitor == monitor, _looks.c.id <= old)
                )
            if limit is None:
                return 0
            gone = sql.delete(_observations).where(
                *mine, _observations.c.id <= min(limit, standing.looked_to)
            )
            return connection.execute(gone).rowcount

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()

    def _rows(self, where: Any, newest: int | None) -> list[Row]:
        columns = _observations.c.id, _observations.c.body, _observations.c.vectors
        query = sql.select(*columns).where(where).order_by(_observations.c.id.desc()).limit(newest)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [(row[0], unpack(row[1], row[2])) for row in reversed(rows)]


def now_ms() -> int:
    """Milliseconds since 1970."""
    return round(time.time() * 1000)


def _fresh(monitor: str, looked_to: int) -> sql.Select[Any]:
    return sql.select(_observations.c.id).where(
        _observations.c.monitor == monitor,
        sql.not_(_observations.c.reference),
        _observations.c.id > looked_to,
    )


def _standing(connection: sql.Connection, monitor: str) -> Standing:
    row = connection.execute(sql.select(_monitors).where(_monitors.c.monitor == monitor)).first()
    looked_to = row.looked_to if row else 0
    kept = sql.select(sql.func.count()).where(
        _observations.c.monitor == monitor, _observations.c.reference
    )
    fresh = sql.select(sql.func.count()).select_from(_fresh(monitor, looked_to).subquery())
    return Standing(
        int(connection.execute(kept).scalar_one()),
        int(connection.execute(fresh).scalar_one()),
        looked_to,
        bool(row and row.complete),
        row.since if row else 0,
        row.reason if row else "",
    )


def _lock(connection: sql.Connection, monitor: str) -> None:
    """The monitor's row, there and held until the transaction ends."""
    row = {"monitor": monitor, "looked_to": 0, "since": now_ms(), "reason": "first seen"}
    insert = insert_or(_monitors, connection).values(row)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["monitor"]))
    held = sql.select(_monitors.c.monitor).where(_monitors.c.monitor == monitor)
    connection.execute(held.with_for_update()).all()


def _look_to(connection: sql.Connection, monitor: str, to: int, *, complete: bool = True) -> None:
    mine = _monitors.c.monitor == monitor
    connection.execute(sql.update(_monitors).where(mine).values(looked_to=to, complete=complete))
