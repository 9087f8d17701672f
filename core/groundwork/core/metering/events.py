"""Who did what to keys, budgets, prices and charges."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sql

from groundwork.core.metering.database import reading
from groundwork.core.metering.postings import now_ms
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


def events(engine: sql.Engine, limit: int = 100) -> list[dict[str, Any]]:
    """The latest, newest first."""
    query = sql.select(ledger_events).order_by(ledger_events.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        row["detail"] = orjson.loads(row["detail"])
    return rows
