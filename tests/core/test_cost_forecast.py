"""The forecast, checked by hand."""

from __future__ import annotations

import random

import pytest

from groundwork.core.metering.forecast import _t90, forecast
from groundwork.core.metering.periods import DAY_MS, day_of, day_start

# A Sunday.
NOW = day_start("2026-11-15")
END = day_start("2026-12-01")


def days(costs: list[int]) -> dict[str, int]:
    """The costs of the days before NOW, the last one yesterday's."""
    return {day_of(NOW - (len(costs) - n) * DAY_MS): cost for n, cost in enumerate(costs)}


def test_a_steady_cost_goes_on() -> None:
    found = forecast(days([100] * 10), spent=1400, now=NOW, end=END)
    assert (found.expected, found.low, found.high) == (1400 + 16 * 100, 3000, 3000)
    assert not found.by_weekday


def test_weekdays_count_by_themselves_once_each_was_seen_twice() -> None:
    # Sundays cost nothing, other days 70: sixteen days from a Sunday hold three Sundays.
    costs = [0 if n % 7 == 0 else 70 for n in range(14)]
    found = forecast(days(costs), spent=0, now=NOW, end=END)
    assert found.by_weekday
    assert found.expected == (16 - 3) * 70
    assert found.low == found.high == found.expected


def test_the_rest_of_today_counts_by_its_share() -> None:
    found = forecast(days([100] * 3), spent=40, now=NOW + DAY_MS // 2, end=NOW + DAY_MS)
    assert found.expected == 90


def test_days_without_spend_are_days() -> None:
    costs = {day_of(NOW - 4 * DAY_MS): 400}
    assert forecast(costs, spent=0, now=NOW, end=NOW + DAY_MS).expected == 100


def test_a_short_history_has_no_interval() -> None:
    found = forecast(days([100, 300]), spent=5, now=NOW, end=END)
    assert (found.expected, found.low, found.high) == (5 + 16 * 200, None, None)
    nothing = forecast({}, spent=5, now=NOW, end=END)
    assert (nothing.expected, nothing.low) == (5, None)


def test_spend_does_not_go_back() -> None:
    found = forecast(days([0, 0, 10_000]), spent=9_000, now=NOW, end=NOW + DAY_MS)
    assert found.low is not None
    assert found.low >= 9_000


def test_the_interval_covers_what_it_says() -> None:
    rng = random.Random(5)
    inside = 0
    runs = 400
    for _ in range(runs):
        costs = [max(0, round(rng.gauss(300 if n % 7 < 5 else 60, 50))) for n in range(28 + 16)]
        found = forecast(days(costs[:28]), spent=0, now=NOW, end=END)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= sum(costs[28:]) <= found.high
    assert 0.74 <= inside / runs <= 0.86


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(2, 1.8856), (3, 1.6377), (7, 1.4149), (21, 1.3232), (49, 1.2991)]
)
def test_students_quantiles(freedom: int, quantile: float) -> None:
    assert _t90(freedom) == pytest.approx(quantile, rel=0.02 if freedom < 3 else 0.005)
