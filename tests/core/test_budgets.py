from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sql

from groundwork.core.errors import BudgetExceeded, InvalidInput, NotFound
from groundwork.core.metering.budgets import Budgets
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.database import reading
from groundwork.core.metering.events import events
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, day_of, day_start, now_ms
from groundwork.core.metering.standing import Alert, Standing, end_of
from groundwork.core.metering.tables import reservations

CHILD = Path(__file__).with_name("budget_child.py")
ADA = Caller(key_id="k1", team="search", user="ada", project="docs")
NOON = day_start(day_of(now_ms())) + 43_200_000


@pytest.fixture
def alerts() -> list[Alert]:
    return []


@pytest.fixture
def budgets(ledger: Ledger, alerts: list[Alert]) -> Budgets:
    return Budgets(ledger.engine, reservation_seconds=60, on_alert=alerts.append)


def limit(
    budgets: Budgets, amount: int, scope: str = "team", subject: str = "search", **more: object
) -> None:
    given: dict[str, object] = {"period": "day", "actor": "me", **more}
    budgets.set(scope=scope, subject=subject, picodollars=amount, **given)  # type: ignore[arg-type]


def spend(ledger: Ledger, name: str, amount: int, at: int = NOON, caller: Caller = ADA) -> None:
    request = Request(
        name, at, "answered", team=caller.team, user=caller.user, key_id=caller.key_id,
        project=caller.project,
    )  # fmt: skip
    ledger.post(Posting(request, (Line("generate", "requests", "m", 1, amount, amount),)))


def standing(budgets: Budgets, scope: str = "team", at: int = NOON) -> Standing:
    return next(one for one in budgets.standings(ADA, at) if one.scope == scope)


def held_rows(ledger: Ledger) -> int:
    with reading(ledger.engine) as connection:
        return connection.execute(
            sql.select(sql.func.count()).select_from(reservations)
        ).scalar_one()


def test_reserved_then_settled(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 1000)
    held = budgets.reserve("ans-1", ADA, full=300, at=NOON)
    assert (held.picodollars, held.frugal) == (300, False)
    assert held.tightest == standing(budgets)
    assert (standing(budgets).reserved, standing(budgets).remaining) == (300, 700)
    spend(ledger, "ans-1", 120)
    assert (standing(budgets).reserved, standing(budgets).spent) == (0, 120)
    spend(ledger, "ans-1", 120)
    assert (standing(budgets).spent, held_rows(ledger)) == (120, 0)


def test_nobody_without_a_budget_is_held_up(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 10, subject="support")
    held = budgets.reserve("ans-1", ADA, full=10**15, at=NOON)
    assert (held.picodollars, held.tightest, held_rows(ledger)) == (0, None, 0)
    assert budgets.reserve("ans-2", Caller.local(), full=10**15).tightest is None


def test_what_does_not_fit_is_refused_with_what_is_left(
    budgets: Budgets, ledger: Ledger, alerts: list[Alert]
) -> None:
    limit(budgets, 1000)
    spend(ledger, "ans-0", 700)
    for _ in range(2):
        with pytest.raises(BudgetExceeded) as caught:
            budgets.reserve("ans-1", ADA, full=400, at=NOON)
    error = caught.value
    assert error.status == 402
    assert error.budget["remaining"] == "0.0000000003"
    assert error.budget["resets_at"] == f"{day_of(NOON + 86_400_000)}T00:00:00Z"
    assert error.retry_after == 43_200
    assert [(alert.level, alert.standing.subject) for alert in alerts] == [("hard", "search")]
    assert held_rows(ledger) == 0
    assert budgets.reserve("ans-2", ADA, full=300, at=NOON).picodollars == 300


def test_all_budgets_of_a_caller_have_to_hold_it(budgets: Budgets, ledger: Ledger) -> None:
    for scope, subject, amount in (
        ("key", "k1", 500),
        ("user", "ada", 400),
        ("team", "search", 900),
        ("project", "docs", 800),
    ):
        limit(budgets, amount, scope, subject, period="month")
    with pytest.raises(BudgetExceeded, match="user ada"):
        budgets.reserve("ans-1", ADA, full=450, at=NOON)
    assert [one.reserved for one in budgets.standings(ADA, NOON)] == [0, 0, 0, 0]
    held = budgets.reserve("ans-2", ADA, full=350, at=NOON)
    assert held_rows(ledger) == 4
    assert held.tightest is not None
    assert (held.tightest.scope, held.tightest.remaining) == ("user", 50)


def test_frugal_before_refused(budgets: Budgets, ledger: Ledger, alerts: list[Alert]) -> None:
    limit(budgets, 1000)
    first = budgets.reserve("ans-1", ADA, full=500, frugal=50, at=NOON)
    assert (first.picodollars, first.frugal) == (500, False)
    # The full answer would not fit any more.
    second = budgets.reserve("ans-2", ADA, full=600, frugal=350, at=NOON)
    assert (second.picodollars, second.frugal) == (350, True)
    # Beyond the soft threshold the smaller one is held, though the other would fit.
    third = budgets.reserve("ans-3", ADA, full=100, frugal=20, at=NOON)
    assert (third.picodollars, third.frugal) == (20, True)
    assert [alert.level for alert in alerts] == ["soft"]
    assert [event["action"] for event in events(ledger.engine)] == ["budget.soft", "budget.set"]
    with pytest.raises(BudgetExceeded):
        budgets.reserve("ans-4", ADA, full=200, frugal=140, at=NOON)


def test_a_period_begins_anew(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 100)
    spend(ledger, "ans-1", 100)
    with pytest.raises(BudgetExceeded):
        budgets.reserve("ans-2", ADA, full=1, at=NOON)
    tomorrow = NOON + 86_400_000
    assert budgets.reserve("ans-2", ADA, full=100, at=tomorrow).picodollars == 100
    assert (standing(budgets).spent, standing(budgets, at=tomorrow).spent) == (100, 0)


@pytest.mark.parametrize(
    ("period", "day", "end"),
    [
        ("day", "2026-02-28", "2026-03-01"),
        ("month", "2026-01-31", "2026-02-01"),
        ("month", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods_end_in_utc(period: str, day: str, end: str) -> None:
    assert end_of(period, day) == day_start(end)


def test_what_was_spent_before_the_budget_counts(budgets: Budgets, ledger: Ledger) -> None:
    spend(ledger, "ans-1", 60)
    spend(ledger, "ans-old", 7, at=NOON - 40 * 86_400_000)
    limit(budgets, 100, period="month")
    limit(budgets, 50, period="month")
    assert (standing(budgets).spent, standing(budgets).limit) == (60, 50)
    budgets.remove(scope="team", subject="search", period="month", actor="me")
    assert budgets.standings() == []
    with pytest.raises(NotFound):
        budgets.remove(scope="team", subject="search", period="month", actor="me")


def test_corrections_count(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 100)
    spend(ledger, "ans-1", 60, at=now_ms())
    key = ("ans-1", "generate", "requests", "m", 0)
    ledger.correct(key, 10, quantity=1, note="", actor="me")
    assert standing(budgets, at=now_ms()).spent == 10


def test_a_budget_in_another_currency_bounds_nothing(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 1, currency="EUR")
    assert budgets.reserve("ans-1", ADA, full=100, at=NOON).tightest is None


def test_a_reservation_whose_time_is_over_is_let_go(budgets: Budgets, ledger: Ledger) -> None:
    limit(budgets, 100)
    budgets.reserve("ans-1", ADA, full=100, at=NOON)
    with pytest.raises(BudgetExceeded):
        budgets.reserve("ans-2", ADA, full=100, at=NOON + 59_000)
    # No sweep has to come first: a refusal looks for itself.
    assert budgets.reserve("ans-2", ADA, full=100, at=NOON + 61_000).picodollars == 100
    assert held_rows(ledger) == 1
    # The first one was only slow: what it cost is counted, and what the second holds stays.
    spend(ledger, "ans-1", 30)
    assert (standing(budgets).spent, standing(budgets).reserved) == (30, 100)
    budgets.release("ans-2")
    assert (standing(budgets).reserved, held_rows(ledger)) == (0, 0)
    assert budgets.sweep(NOON + 10**9) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "planet"}, {"subject": ""}, {"period": "year"}, {"picodollars": -1},
        {"picodollars": 10**19}, {"soft_percent": 0},
    ],
)  # fmt: skip
def test_budgets_that_make_no_sense(budgets: Budgets, wrong: dict[str, object]) -> None:
    fine = {"scope": "team", "subject": "search", "period": "day", "picodollars": 1, "actor": "me"}
    with pytest.raises(InvalidInput):
        budgets.set(**{**fine, **wrong})  # type: ignore[arg-type]


def children(url: str, count: int, requests: int, mode: str) -> list[subprocess.Popen[str]]:
    started = [
        subprocess.Popen(
            [sys.executable, str(CHILD), url, f"process{n}", str(requests), "10", mode],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for n in range(count)
    ]  # fmt: skip
    for child in started:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in started:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return started


def outcomes_of(started: list[subprocess.Popen[str]]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for child in started:
        assert child.stdout is not None
        outcomes.update(child.stdout.readline().split())
    return outcomes


def stop(started: list[subprocess.Popen[str]]) -> None:
    for child in started:
        child.send_signal(signal.SIGKILL)
        child.communicate()


def test_200_requests_of_4_processes_at_a_budget_for_50(
    budgets: Budgets, ledger: Ledger, ledger_url: str
) -> None:
    limit(budgets, 500)
    started = children(ledger_url, 4, 50, "settle")
    try:
        assert outcomes_of(started) == {"answered": 50, "refused": 150}
    finally:
        stop(started)
    assert ledger.total() == 500
    assert (standing(budgets).spent, standing(budgets).reserved, held_rows(ledger)) == (500, 0, 0)


def test_processes_that_die_leave_no_reservation_beyond_its_time(
    budgets: Budgets, ledger: Ledger, ledger_url: str
) -> None:
    limit(budgets, 500)
    started = children(ledger_url, 2, 30, "die")
    try:
        assert outcomes_of(started) == {"reserved": 50, "refused": 10}
    finally:
        stop(started)
    assert held_rows(ledger) == 50
    later = now_ms() + 5000
    assert budgets.reserve("ans-1", ADA, full=500, at=later).picodollars == 500
    assert held_rows(ledger) == 1
