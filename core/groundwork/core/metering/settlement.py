"""What postings do to budgets: they add to what is spent, and let go of what was reserved for them.

Runs inside the ledger's transaction, so that a budget has spent exactly what the charges say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.database import insert_or
from groundwork.core.metering.tables import budget_use, budgets, reservations

# The largest amount of a budget, two million dollars: spent (at most twice that), reserved and one more
# reservation together still fit 64 bits.
MAX_BUDGET = 2 * 10**18

_COLUMNS = {"key": "key_id", "user": "user_id", "team": "team", "project": "project"}


def period_of(period: str, day: str) -> str:
    """The period that a day falls in: itself, or its month."""
    return day if period == "day" else day[:7]


def spend(connection: sql.Connection, charge_rows: Sequence[dict[str, Any]]) -> None:
    """Add new charges, as rows of their table, to every budget of their callers."""
    subjects = sorted(
        {
            (scope, row[column])
            for row in charge_rows
            for scope, column in _COLUMNS.items()
            if row[column]
        }
    )
    if not subjects:
        return
    pairs = sql.tuple_(budgets.c.scope, budgets.c.subject).in_(subjects)
    spent: dict[tuple[int, str], int] = {}
    # Read after the charges are inserted: a budget set meanwhile has either counted them or is seen here.
    for budget in connection.execute(sql.select(budgets).where(pairs)).mappings():
        column = _COLUMNS[budget["scope"]]
        for row in charge_rows:
            if row[column] == budget["subject"] and row["currency"] == budget["currency"]:
                key = budget["id"], period_of(budget["period"], row["day"])
                spent[key] = spent.get(key, 0) + row["picodollars"]
    for (budget_id, period), amount in sorted(spent.items()):
        _add_spent(connection, budget_id, period, amount)


def release(connection: sql.Connection, request_ids: Sequence[str]) -> int:
    """Let go of what these requests reserved; returns how many reservations there were."""
    return _drop(connection, reservations.c.request_id.in_(request_ids))


def sweep(connection: sql.Connection, now: int) -> int:
    """Let go of reservations whose time is over: their process died. Returns how many there were."""
    return _drop(connection, reservations.c.expires_at < now)


def _drop(connection: sql.Connection, which: sql.ColumnElement[bool]) -> int:
    held = reservations.c
    gone = connection.execute(
        sql.delete(reservations)
        .where(which)
        .returning(held.budget_id, held.period, held.picodollars)
    ).all()
    sums: dict[tuple[int, str], int] = {}
    for budget_id, period, amount in gone:
        sums[budget_id, period] = sums.get((budget_id, period), 0) + amount
    for (budget_id, period), amount in sorted(sums.items()):
        use = budget_use.c
        connection.execute(
            sql.update(budget_use)
            .where(use.budget_id == budget_id, use.period == period)
            .values(reserved=use.reserved - amount)
        )
    return len(gone)


def _add_spent(connection: sql.Connection, budget_id: int, period: str, amount: int) -> None:
    amount = max(-MAX_BUDGET, min(MAX_BUDGET, amount))
    use = budget_use.c
    statement = insert_or(budget_use, connection).values(
        budget_id=budget_id, period=period, spent=amount
    )
    # Stays within 64 bits, whatever is spent beyond any budget.
    full = use.spent > MAX_BUDGET if amount > 0 else use.spent < -MAX_BUDGET
    total = sql.case((full, use.spent), else_=use.spent + amount)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["budget_id", "period"], set_={"spent": total}
        )
    )
