"""How budgets burn down, what caches saved, and where the month is going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.budgets import SCOPES
from groundwork.core.metering.forecast import HISTORY_DAYS, forecast
from groundwork.core.metering.periods import DAY_MS, Period, day_of, iso, month_start, next_month
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.reports import report
from groundwork.core.metering.standing import Standing, read_standings
from groundwork.core.metering.tables import parts, requests, whole
from groundwork.core.money import format_dollars


def savings(connection: sql.Connection, query: CostQuery) -> list[dict[str, Any]]:
    """By currency: what caches saved, and how many answers and prompt tokens came out of them."""
    cached = sql.case((requests.c.outcome == "cached", 1), else_=0)
    selected = (
        sql.select(
            requests.c.currency,
            *parts(requests.c.cache_saved_picodollars),
            sql.func.count(),
            sql.func.sum(cached),
            sql.func.sum(requests.c.prompt_tokens),
            sql.func.sum(requests.c.cached_tokens),
        )
        .where(*query.instants(requests), *query.conditions(requests))
        .group_by(requests.c.currency)
        .order_by(requests.c.currency)
    )
    return [
        {
            "currency": currency,
            "saved": format_dollars(whole(millis, rest)),
            "requests": int(count),
            "cached_answers": int(answers),
            "prompt_tokens": int(prompt),
            "cached_prompt_tokens": int(tokens),
        }
        for currency, millis, rest, count, answers, prompt, tokens in connection.execute(selected)
    ]


def daily(connection: sql.Connection, query: CostQuery) -> dict[str, dict[str, int]]:
    """Picodollars by currency and day."""
    found: dict[str, dict[str, int]] = {}
    by_day = CostQuery.of(query.period, ("day",), query.where)
    for row in report(connection, by_day).rows:
        found.setdefault(row.currency, {})[row.values[0]] = row.amounts.picodollars
    return found


def month_end(
    connection: sql.Connection, where: Mapping[str, tuple[str, ...]], now: int
) -> list[dict[str, Any]]:
    """By currency: the forecast for the end of the month around `now`."""
    start, end = month_start(now), next_month(now)
    first = min(start, now // DAY_MS * DAY_MS - HISTORY_DAYS * DAY_MS)
    query = CostQuery.of(Period(first, _day_after(now)), (), where)
    found = []
    for currency, days in sorted(daily(connection, query).items()):
        spent = sum(cost for day, cost in days.items() if day >= day_of(start))
        found.append({"currency": currency, **forecast(days, spent, now, end).to_dict()})
    return found


def burn_down(
    connection: sql.Connection, where: Mapping[str, tuple[str, ...]], now: int
) -> list[dict[str, Any]]:
    """Budgets in their period of today: what is left, the spend of each day and a forecast.

    Filters by key, user, team or project leave the budgets of these; without any, all budgets.
    """
    wanted = {name: set(where[name]) for name in SCOPES if name in where}
    return [
        _burning(connection, standing, now)
        for standing in read_standings(connection, None, now)
        if not wanted or standing.subject in wanted.get(standing.scope, ())
    ]


def _burning(connection: sql.Connection, standing: Standing, now: int) -> dict[str, Any]:
    start = month_start(now) if standing.period == "month" else now // DAY_MS * DAY_MS
    where = {standing.scope: (standing.subject,), "currency": (standing.currency,)}
    since = start - HISTORY_DAYS * DAY_MS
    history = CostQuery.of(Period(since, _day_after(now)), (), where)
    days = daily(connection, history).get(standing.currency, {})
    return {
        **standing.to_dict(),
        "starts": iso(start),
        "days": {day: format_dollars(cost) for day, cost in days.items() if day >= day_of(start)},
        "forecast": forecast(days, standing.spent, now, standing.resets_at).to_dict(),
    }


def _day_after(now: int) -> int:
    # Whole days are read from the rollups; nothing is charged in the future.
    return (now // DAY_MS + 1) * DAY_MS
