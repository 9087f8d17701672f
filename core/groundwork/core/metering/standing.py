"""What is left of a budget in one period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.postings import day_of
from groundwork.core.metering.settlement import period_of
from groundwork.core.metering.tables import budget_use, budgets
from groundwork.core.money import format_dollars

PERIODS = ("day", "month")


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what is left of it in one period. Amounts in picodollars; `resets_at` in ms since 1970, UTC."""

    budget_id: int
    scope: str
    subject: str
    period: str
    limit: int
    currency: str
    soft_percent: int
    spent: int
    reserved: int
    resets_at: int

    @property
    def remaining(self) -> int:
        """What may still be reserved; never below 0."""
        return max(0, self.limit - self.spent - self.reserved)

    @property
    def is_soft(self) -> bool:
        """Whether the soft threshold is reached: from here on answers are frugal."""
        return (self.spent + self.reserved) * 100 >= self.limit * self.soft_percent

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it; money is a decimal string."""
        return {
            "scope": self.scope,
            "subject": self.subject,
            "period": self.period,
            "currency": self.currency,
            "limit": format_dollars(self.limit),
            "spent": format_dollars(self.spent),
            "reserved": format_dollars(self.reserved),
            "remaining": format_dollars(self.remaining),
            "soft_percent": self.soft_percent,
            "frugal": self.is_soft,
            "resets_at": iso(self.resets_at),
        }


@dataclass(frozen=True, slots=True)
class Held:
    """What is reserved for a request. `frugal`: use the smaller model, a shorter context, the cache."""

    request_id: str
    picodollars: int
    frugal: bool
    standings: tuple[Standing, ...] = ()

    @property
    def tightest(self) -> Standing | None:
        """The budget with the least left."""
        return min(self.standings, key=lambda standing: standing.remaining, default=None)


@dataclass(frozen=True, slots=True)
class Alert:
    """A budget passed its soft threshold (`soft`) or refused something (`hard`), for the first time in its period."""

    level: str
    standing: Standing


def read_standings(
    connection: sql.Connection, subjects: Sequence[tuple[str, str]] | None, at: int
) -> list[Standing]:
    """The budgets of these (scope, subject) pairs, or all, in the period of this instant."""
    day = day_of(at)
    values: dict[str, Any] = {period: period_of(period, day) for period in PERIODS}
    if subjects is not None:
        values["subjects"] = subjects
    rows = connection.execute(_query(everybody=subjects is None), values)
    return [
        Standing(
            budget_id=row[0],
            scope=row[1],
            subject=row[2],
            period=row[3],
            limit=row[4],
            currency=row[5],
            soft_percent=row[6],
            spent=row[7] or 0,
            reserved=row[8] or 0,
            resets_at=end_of(row[3], day),
        )
        for row in rows
    ]


@cache
def _query(*, everybody: bool) -> sql.Select[Any]:
    """Made once: it stands before every answer, and making it takes as long as running it."""
    in_period = sql.or_(
        *(
            sql.and_(budgets.c.period == period, budget_use.c.period == sql.bindparam(period))
            for period in PERIODS
        )
    )
    columns = (
        budgets.c.id,
        budgets.c.scope,
        budgets.c.subject,
        budgets.c.period,
        budgets.c.picodollars,
        budgets.c.currency,
        budgets.c.soft_percent,
        budget_use.c.spent,
        budget_use.c.reserved,
    )
    used = sql.and_(budget_use.c.budget_id == budgets.c.id, in_period)
    query = sql.select(*columns).join_from(budgets, budget_use, used, isouter=True)
    if not everybody:
        pairs = sql.tuple_(budgets.c.scope, budgets.c.subject)
        query = query.where(pairs.in_(sql.bindparam("subjects", expanding=True)))
    return query.order_by(budgets.c.id)


def period_at(period: str, at: int) -> str:
    """The name of the period that an instant is in."""
    return period_of(period, day_of(at))


def end_of(period: str, day: str) -> int:
    """The first instant after the period that a day is in."""
    start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    if period == "month":
        # The 1st plus 32 days is always in the next month.
        start = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        start += timedelta(days=1)
    return int(start.timestamp() * 1000)


def iso(at: int) -> str:
    """An instant as the API writes it."""
    return (
        datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
