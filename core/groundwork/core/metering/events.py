"""Who did what to keys, budgets, prices and charges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sql

from groundwork.core.metering.database import reading
from groundwork.core.metering.periods import Period
from groundwork.core.metering.postings import now_ms
from groundwork.core.metering.query import ALWAYS, within
from groundwork.core.metering.tables import ledger_events


def note_event(connection: sql.Connection, actor: str, action: str, detail: dict[str, Any]) -> None:
    """Write it down in the transaction that does it. `detail` must hold no secret."""
    row = {
        "at": now_ms(),
        "actor": actor,
        "action": action,
        "detail": orjson.dumps(detail).decode(),
    }
    connection.execute(sql.insert(ledger_events).values(row))


def events(
    engine: sql.Engine,
    limit: int = 100,
    *,
    period: Period = ALWAYS,
    actors: Sequence[str] = (),
    actions: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The latest of a period, newest first; those of some actors and actions, where any are given.

    `key` as an action stands for `key.created` and all others of its kind. Raises Unavailable.
    """
    table = ledger_events.c
    query = sql.select(ledger_events).where(*within(table.at, period.start, period.end))
    if actors:
        query = query.where(table.actor.in_(actors))
    if actions:
        kinds = [table.action.startswith(f"{action}.", autoescape=True) for action in actions]
        query = query.where(sql.or_(table.action.in_(actions), *kinds))
    query = query.order_by(table.id.desc()).limit(limit)
    with reading(engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        row["detail"] = orjson.loads(row["detail"])
    return rows
