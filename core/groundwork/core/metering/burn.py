"""How budgets burn down, what caches saved, and where the month is going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.forecast import HISTORY_DAYS, forecast
from groundwork.core.metering.periods import DAY_MS, Period, day_of, iso, month_start, next_month
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.reports import report
from groundwork.core.metering.tables import (
    budget_use,
    budgets,
    parts,
    requests,
    whole,
)
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


def burn_down(connection: sql.Connection, now: int) -> list[dict[str, Any]]:
    """Every budget in its period of today: limit, spent, reserved, the spend of each day and a forecast."""
    rows = connection.execute(sql.select(budgets).order_by(budgets.c.scope, budgets.c.subject))
    return [_budget(connection, dict(row), now) for row in rows.mappings().all()]


def _budget(connection: sql.Connection, budget: dict[str, Any], now: int) -> dict[str, Any]:
    monthly = budget["period"] == "month"
    today = day_of(now)
    start = month_start(now) if monthly else now // DAY_MS * DAY_MS
    end = next_month(now) if monthly else start + DAY_MS
    used = connection.execute(
        sql.select(budget_use).where(
            budget_use.c.budget_id == budget["id"],
            budget_use.c.period == (today[:7] if monthly else today),
        )
    ).mappings().first()  # fmt: skip
    limit = int(budget["picodollars"])
    spent, reserved = (int(used[name]) if used else 0 for name in ("spent", "reserved"))
    where = {budget["scope"]: (budget["subject"],), "currency": (budget["currency"],)}
    since = start - HISTORY_DAYS * DAY_MS
    history = CostQuery.of(Period(since, _day_after(now)), (), where)
    days = daily(connection, history).get(budget["currency"], {})
    return {
        "scope": budget["scope"],
        "subject": budget["subject"],
        "period": budget["period"],
        "currency": budget["currency"],
        "starts": iso(start),
        "resets_at": iso(end),
        "limit": format_dollars(limit),
        "spent": format_dollars(spent),
        "reserved": format_dollars(reserved),
        "remaining": format_dollars(max(0, limit - spent - reserved)),
        "soft_percent": budget["soft_percent"],
        "days": {day: format_dollars(cost) for day, cost in days.items() if day >= day_of(start)},
        "forecast": forecast(days, spent, now, end).to_dict(),
    }


def _day_after(now: int) -> int:
    # Whole days are read from the rollups; nothing is charged in the future.
    return (now // DAY_MS + 1) * DAY_MS
