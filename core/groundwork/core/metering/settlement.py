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


def settle(
    connection: sql.Connection,
    charge_rows: Sequence[dict[str, Any]],
    request_ids: Sequence[str] = (),
) -> None:
    """Add new charges, as rows of their table, to every budget of their callers; let go of these requests' holds."""
    changes: dict[tuple[int, str], list[int]] = {}
    for key, amount in _spent(connection, charge_rows).items():
        changes.setdefault(key, [0, 0])[0] += amount
    for key, amount in _let_go(connection, reservations.c.request_id.in_(request_ids)).items():
        changes.setdefault(key, [0, 0])[1] -= amount
    _apply(connection, changes)


def sweep(connection: sql.Connection, now: int) -> int:
    """Let go of reservations whose time is over: their process died. Returns how many budgets that concerned."""
    # Those that a request is settling just now are its own.
    expired = (
        sql.select(reservations.c.request_id, reservations.c.budget_id)
        .where(reservations.c.expires_at < now)
        .with_for_update(skip_locked=True)
    )
    key = sql.tuple_(reservations.c.request_id, reservations.c.budget_id)
    held = _let_go(connection, key.in_(expired))
    _apply(connection, {key: [0, -amount] for key, amount in held.items()})
    return len(held)


def _spent(
    connection: sql.Connection, charge_rows: Sequence[dict[str, Any]]
) -> dict[tuple[int, str], int]:
    subjects = sorted(
        {
            (scope, row[column])
            for row in charge_rows
            for scope, column in _COLUMNS.items()
            if row[column]
        }
    )
    spent: dict[tuple[int, str], int] = {}
    if not subjects:
        return spent
    pairs = sql.tuple_(budgets.c.scope, budgets.c.subject).in_(subjects)
    # Read after the charges are inserted: a budget set meanwhile has either counted them or is seen here.
    for budget in connection.execute(sql.select(budgets).where(pairs)).mappings():
        column = _COLUMNS[budget["scope"]]
        for row in charge_rows:
            if row[column] == budget["subject"] and row["currency"] == budget["currency"]:
                key = budget["id"], period_of(budget["period"], row["day"])
                spent[key] = spent.get(key, 0) + row["picodollars"]
    return spent


def _let_go(
    connection: sql.Connection, which: sql.ColumnElement[bool]
) -> dict[tuple[int, str], int]:
    held = reservations.c
    statement = sql.delete(reservations).where(which)
    sums: dict[tuple[int, str], int] = {}
    for budget_id, period, amount in connection.execute(
        statement.returning(held.budget_id, held.period, held.picodollars)
    ):
        sums[budget_id, period] = sums.get((budget_id, period), 0) + amount
    return sums


def _apply(connection: sql.Connection, changes: dict[tuple[int, str], list[int]]) -> None:
    """Each budget is touched once and in one order, so that two transactions cannot wait for each other."""
    use = budget_use.c
    for (budget_id, period), (spent, reserved) in sorted(changes.items()):
        amount = max(-MAX_BUDGET, min(MAX_BUDGET, spent))
        row = {"budget_id": budget_id, "period": period, "spent": amount, "reserved": 0}
        statement = insert_or(budget_use, connection).values(row)
        # Stays within 64 bits, whatever is spent beyond any budget.
        full = use.spent > MAX_BUDGET if amount > 0 else use.spent < -MAX_BUDGET
        total = sql.case((full, use.spent), else_=use.spent + amount)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["budget_id", "period"],
                set_={"spent": total, "reserved": use.reserved + reserved},
            )
        )
