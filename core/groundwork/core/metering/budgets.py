"""Budgets: reserved before, settled after, so that a limit holds however many ask at once.

A reservation is an UPDATE that only succeeds where the amount still fits, for each budget of the caller in one transaction.
The ledger adds what was charged and lets go of the reservation in the transaction of the charges (`settlement`).
What a process that died had reserved is let go when its time is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import BudgetExceeded, InvalidInput, NotFound
from groundwork.core.metering import settlement
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.database import insert_or, reading, writing
from groundwork.core.metering.events import note_event
from groundwork.core.metering.postings import day_of, day_start, now_ms
from groundwork.core.metering.standing import (
    PERIODS,
    Alert,
    Held,
    Standing,
    end_of,
    iso,
    period_at,
    read_standings,
)
from groundwork.core.metering.tables import (
    budget_use,
    budgets,
    charges,
    parts,
    reservations,
    whole,
)
from groundwork.core.money import format_dollars

_log = logging.getLogger("groundwork.ledger")

SCOPES = ("key", "user", "team", "project")
_COLUMNS = {"key": "key_id", "user": "user_id", "team": "team", "project": "project"}


class Budgets:
    """The budgets in the ledger's database. `on_alert` is called at most once a budget, period and level."""

    def __init__(
        self,
        engine: sql.Engine,
        reservation_seconds: float = 300.0,
        on_alert: Callable[[Alert], None] | None = None,
        currency: str = "USD",
    ) -> None:
        self._engine = engine
        self._currency = currency
        self._hold_ms = int(reservation_seconds * 1000)
        self._on_alert = on_alert

    def set(
        self,
        *,
        scope: str,
        subject: str,
        period: str,
        picodollars: int,
        actor: str,
        soft_percent: int = 80,
        currency: str = "USD",
    ) -> int:
        """Make or change a budget; returns its id. What the period has cost already counts. Raises InvalidInput."""
        _check(scope, subject, period, picodollars, soft_percent)
        row = {
            "scope": scope,
            "subject": subject,
            "period": period,
            "picodollars": picodollars,
            "currency": currency,
            "soft_percent": soft_percent,
            "created_at": now_ms(),
        }
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # Charges under way are waited for, and later ones see the budget: none is counted twice or never.
                connection.exec_driver_sql("LOCK TABLE charges IN SHARE ROW EXCLUSIVE MODE")
            statement = insert_or(budgets, connection).values(row)
            changed = {name: row[name] for name in ("picodollars", "soft_percent")}
            budget_id = int(
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["scope", "subject", "period", "currency"], set_=changed
                    ).returning(budgets.c.id)
                ).scalar_one()
            )
            _count_spent(connection, budget_id, row)
            detail = {name: row[name] for name in ("scope", "subject", "period", "picodollars")}
            note_event(connection, actor, "budget.set", detail)
        return budget_id

    def remove(self, *, scope: str, subject: str, period: str, actor: str) -> None:
        """Raises NotFound."""
        which = (
            budgets.c.scope == scope,
            budgets.c.subject == subject,
            budgets.c.period == period,
        )
        with writing(self._engine) as connection:
            gone = connection.scalars(
                sql.delete(budgets).where(*which).returning(budgets.c.id)
            ).all()
            if not gone:
                raise NotFound(f"no budget of {scope} {subject} by {period}", field="subject")
            connection.execute(sql.delete(budget_use).where(budget_use.c.budget_id.in_(gone)))
            connection.execute(sql.delete(reservations).where(reservations.c.budget_id.in_(gone)))
            detail = {"scope": scope, "subject": subject, "period": period}
            note_event(connection, actor, "budget.removed", detail)

    def standings(self, caller: Caller | None = None, at: int | None = None) -> list[Standing]:
        """The budgets of a caller, or all of them, in the period of this instant."""
        subjects = caller.subjects() if caller is not None else None
        if subjects == []:
            return []
        with reading(self._engine) as connection:
            return read_standings(connection, subjects, at or now_ms())

    def reserve(
        self,
        request_id: str,
        caller: Caller,
        *,
        full: int,
        frugal: int | None = None,
        at: int | None = None,
    ) -> Held:
        """Hold what a request may cost at most, in all budgets of its caller or in none.

        `full` is for an ordinary answer, `frugal` for the cheapest one; the latter is held where the former does not
        fit or a soft threshold is reached. Raises BudgetExceeded where neither fits, Unavailable.
        """
        now = at or now_ms()
        standings = self._bounding(caller, now)
        if not standings:
            return Held(request_id, 0, frugal=False)
        least = full if frugal is None else min(frugal, full)
        soft = any(standing.is_soft for standing in standings)
        amounts = [least] if soft or least == full else [full, least]
        held = self._first_that_fits(request_id, standings, amounts, now)
        if held is None and self.sweep(now):
            held = self._first_that_fits(request_id, standings, [least], now)
        if held is None:
            raise self._refused(caller, least, now)
        amount, after = held
        for standing in after:
            if standing.is_soft:
                self._alert("soft", standing, now)
        frugally = amount < full or any(standing.is_soft for standing in after)
        return Held(request_id, amount, frugally, tuple(after))

    def release(self, request_id: str) -> None:
        """Let go of what a request holds: it ended without a charge."""
        with writing(self._engine) as connection:
            settlement.settle(connection, (), (request_id,))

    def sweep(self, at: int | None = None) -> int:
        """Let go of what processes that died had reserved; returns how many budgets that concerned."""
        with writing(self._engine) as connection:
            return settlement.sweep(connection, at or now_ms())

    def _bounding(self, caller: Caller, at: int) -> list[Standing]:
        """The budgets that bound a request: those in the currency it is priced in."""
        standings = self.standings(caller, at)
        return [standing for standing in standings if standing.currency == self._currency]

    def _first_that_fits(
        self, request_id: str, standings: Sequence[Standing], amounts: Sequence[int], now: int
    ) -> tuple[int, list[Standing]] | None:
        """The amount that is reserved in all budgets, and the standings after it; None where none fits."""
        for amount in amounts:
            try:
                with writing(self._engine, durable=False) as connection:
                    after = [_take(connection, standing, amount) for standing in standings]
                    held = [
                        _reservation(request_id, one, amount, now + self._hold_ms) for one in after
                    ]
                    connection.execute(sql.insert(reservations), held)
            except _NoRoomError:
                continue
            return amount, after
        return None

    def _refused(self, caller: Caller, amount: int, now: int) -> BudgetExceeded:
        standings = self._bounding(caller, now)
        tight = min(standings, key=lambda one: one.remaining)
        self._alert("hard", tight, now)
        return BudgetExceeded(
            f"the {tight.period}'s budget of {tight.scope} {tight.subject} has "
            f"{format_dollars(tight.remaining)} {tight.currency} left, and this may cost "
            f"{format_dollars(amount)}; it begins anew at {iso(tight.resets_at)}",
            budget=tight.to_dict(),
            retry_after=(tight.resets_at - now) / 1000,
        )

    def _alert(self, level: str, standing: Standing, now: int) -> None:
        column = budget_use.c.soft_at if level == "soft" else budget_use.c.refused_at
        period = period_at(standing.period, now)
        which = (budget_use.c.budget_id == standing.budget_id, budget_use.c.period == period)
        with reading(self._engine) as connection:
            if connection.execute(sql.select(column).where(*which)).scalar_one_or_none():
                return
        with writing(self._engine) as connection:
            first = sql.update(budget_use).where(*which, column.is_(None))
            if connection.execute(first.values({column.name: now})).rowcount != 1:
                return
            note_event(connection, "budgets", f"budget.{level}", standing.to_dict())
        _log.warning(
            "budget of %s %s: %s threshold, %s of %s %s used this %s",
            standing.scope,
            standing.subject,
            level,
            format_dollars(standing.spent + standing.reserved),
            format_dollars(standing.limit),
            standing.currency,
            standing.period,
        )
        if self._on_alert is not None:
            self._on_alert(Alert(level, standing))


class _NoRoomError(Exception):
    """Undoes the transaction."""


def _take(connection: sql.Connection, standing: Standing, amount: int) -> Standing:
    """Reserve where it fits; the standing after that. Raises _NoRoomError."""
    use = budget_use.c
    period = period_at(standing.period, standing.resets_at - 1)
    taking = (
        sql.update(budget_use)
        .where(
            use.budget_id == standing.budget_id,
            use.period == period,
            use.spent + use.reserved + amount <= standing.limit,
        )
        .values(reserved=use.reserved + amount)
        .returning(use.spent, use.reserved)
    )
    taken = connection.execute(taking).first()
    if taken is None:
        # Either it does not fit, or it is the period's first request.
        new = {"budget_id": standing.budget_id, "period": period}
        connection.execute(insert_or(budget_use, connection).values(new).on_conflict_do_nothing())
        taken = connection.execute(taking).first()
    if taken is None:
        raise _NoRoomError
    return replace(standing, spent=taken[0], reserved=taken[1])


def _reservation(request_id: str, standing: Standing, amount: int, until: int) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "budget_id": standing.budget_id,
        "period": period_at(standing.period, standing.resets_at - 1),
        "picodollars": amount,
        "expires_at": until,
    }


def _count_spent(connection: sql.Connection, budget_id: int, row: dict[str, Any]) -> None:
    """What the current period has cost so far, out of the charges themselves."""
    today = day_of(now_ms())
    first = today if row["period"] == "day" else f"{today[:7]}-01"
    column = charges.c[_COLUMNS[row["scope"]]]
    query = sql.select(*parts(charges.c.picodollars)).where(
        column == row["subject"],
        charges.c.currency == row["currency"],
        charges.c.at >= day_start(first),
        charges.c.at < end_of(row["period"], today),
    )
    spent = whole(*connection.execute(query).one())
    limit = settlement.MAX_BUDGET
    use = {
        "budget_id": budget_id,
        "period": settlement.period_of(row["period"], today),
        "spent": max(-limit, min(limit, spent)),
    }
    statement = insert_or(budget_use, connection).values(use)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["budget_id", "period"], set_={"spent": use["spent"]}
        )
    )


def _check(scope: str, subject: str, period: str, picodollars: int, soft_percent: int) -> None:
    if scope not in SCOPES or not subject or len(subject) > 128:
        raise InvalidInput(f"a budget is for one {', '.join(SCOPES)}", field="scope")
    if period not in PERIODS:
        raise InvalidInput("a budget is by day or by month", field="period")
    if not 0 <= picodollars <= settlement.MAX_BUDGET:
        raise InvalidInput("a budget is between 0 and two million dollars", field="amount")
    if not 1 <= soft_percent <= 100:
        raise InvalidInput("the soft threshold is between 1 and 100 per cent", field="soft_percent")
