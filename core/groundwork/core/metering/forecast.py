"""How the month will end, by a plain method that can be checked by hand.

The history is the whole days before today, at most eight weeks. A coming day is expected to cost the mean of the
same weekday where every weekday was seen twice, else the mean of all days. The interval treats days as independent
around those means: with residual deviation s, a sum over h coming days has the deviation
s * sqrt(h + h_w^2 / n_w, summed over weekdays w seen n_w times), and 80 % of outcomes lie within Student's t times
that. It says nothing about a launch, a new team or a price change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwork.core.metering.periods import DAY_MS, day_of, day_start, iso
from groundwork.core.money import format_dollars

HISTORY_DAYS = 56
MIN_DAYS = 3
COVERAGE_PERCENT = 80
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Forecast:
    """The end of a period in picodollars. `low` and `high` are None where the history is too short."""

    at: int
    end: int
    spent: int
    expected: int
    low: int | None
    high: int | None
    days: int
    by_weekday: bool

    def to_dict(self) -> dict[str, Any]:
        """Amounts as decimal strings; `method` in words."""
        means = "the means of each weekday" if self.by_weekday else "the mean"
        return {
            "as_of": iso(self.at),
            "ends": iso(self.end),
            "spent": format_dollars(self.spent),
            "expected": format_dollars(self.expected),
            "low": None if self.low is None else format_dollars(self.low),
            "high": None if self.high is None else format_dollars(self.high),
            "coverage_percent": COVERAGE_PERCENT,
            "method": f"spent so far, and {means} of the last {self.days} whole days for the rest",
        }


def forecast(daily: Mapping[str, int], spent: int, now: int, end: int) -> Forecast:
    """Where spend will be at `end`.

    `daily` maps days (`2026-11-25`) to picodollars; days that are missing between its first day and today cost
    nothing. `spent` is what the period has cost until `now`.
    """
    history = _history(daily, day_start(day_of(now)))
    groups, by_weekday = _groups(history)
    means = {group: (sum(costs), len(costs)) for group, costs in groups.items()}
    # Today counts with the share of it that is left.
    coming = _coming(now, end)
    if not history:
        return Forecast(now, end, spent, spent, None, None, 0, by_weekday)
    expected = spent
    left: dict[int, float] = {}
    for start, milliseconds in coming:
        group = _weekday(start) if by_weekday else 0
        total, count = means[group]
        expected += total * milliseconds // (count * DAY_MS)
        left[group] = left.get(group, 0.0) + milliseconds / DAY_MS
    if len(history) < MIN_DAYS:
        return Forecast(now, end, spent, expected, None, None, len(history), by_weekday)
    margin = _margin(groups, left)
    low, high = max(spent, expected - margin), expected + margin
    return Forecast(now, end, spent, expected, low, high, len(history), by_weekday)


def _history(daily: Mapping[str, int], today: int) -> list[tuple[int, int]]:
    """(start of day, picodollars), oldest first, without gaps."""
    starts = [day_start(day) for day in daily]
    before = [start for start in starts if start < today]
    if not before:
        return []
    first = max(min(before), today - HISTORY_DAYS * DAY_MS)
    return [(start, daily.get(day_of(start), 0)) for start in range(first, today, DAY_MS)]


def _groups(history: Sequence[tuple[int, int]]) -> tuple[dict[int, list[int]], bool]:
    by_weekday = len(history) >= 2 * _WEEK
    groups: dict[int, list[int]] = {}
    for start, cost in history:
        groups.setdefault(_weekday(start) if by_weekday else 0, []).append(cost)
    return groups, by_weekday


def _coming(now: int, end: int) -> list[tuple[int, int]]:
    """(start of day, milliseconds of it that are left) from now to the end."""
    start = day_start(day_of(now))
    return [
        (day, min(day + DAY_MS, end) - max(day, now))
        for day in range(start, max(end, start), DAY_MS)
    ]


def _margin(groups: Mapping[int, Sequence[int]], left: Mapping[int, float]) -> int:
    count = sum(map(len, groups.values()))
    freedom = count - len(groups)
    squares = 0.0
    for costs in groups.values():
        mean = sum(costs) / len(costs)
        squares += sum((cost - mean) ** 2 for cost in costs)
    days = sum(left.values()) + sum(share**2 / len(groups[group]) for group, share in left.items())
    return round(_t90(freedom) * math.sqrt(squares / freedom * days))


def _t90(freedom: int) -> float:
    """Student's t that 90 % lie below, so that 80 % lie between it and its negative.

    Cornish-Fisher expansion around the normal quantile (Abramowitz and Stegun 26.7.5), within 0.5 % from 3 degrees
    of freedom on.
    """
    z = 1.2815515655446004
    n = float(freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def _weekday(start: int) -> int:
    return start // DAY_MS % _WEEK
