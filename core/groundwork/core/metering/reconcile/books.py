"""The ledger against itself: charges, rollups and the rows of requests say the same."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.reconcile import Comparison, Step
from groundwork.core.metering.tables import (
    charges,
    parts,
    requests,
    rollups,
    rollups_callers,
    whole,
)


def compare_books(connection: sql.Connection) -> Comparison:
    """The sum of all charges against the three other places that hold it."""
    total = _sum(connection, *parts(charges.c.picodollars))
    others = {
        "rollups by use": _sum(connection, *_rolled(rollups)),
        "rollups by caller": _sum(connection, *_rolled(rollups_callers)),
        "rows of requests": _sum(connection, *parts(requests.c.picodollars)),
    }
    steps = [Step("charges", picodollars=total)]
    steps += [
        Step(f"difference of {name}", picodollars=amount - total) for name, amount in others.items()
    ]
    agrees = all(amount == total for amount in others.values())
    return Comparison("the ledger's own sums", tuple(steps), agrees)


def _rolled(table: sql.Table) -> tuple[Any, Any]:
    return (
        sql.func.coalesce(sql.func.sum(table.c.millidollars), 0),
        sql.func.coalesce(sql.func.sum(table.c.picodollars), 0),
    )


def _sum(connection: sql.Connection, millis: Any, rest: Any) -> int:
    return whole(*connection.execute(sql.select(millis, rest)).one())
