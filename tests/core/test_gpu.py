from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.gpu import GpuPool, allocate, close_day
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, day_of, day_start, now_ms
from groundwork.core.metering.tally import GPU

DAY = "2026-11-20"
POOL = GpuPool("a", ("m",), picodollars_per_hour=2_500_000_000_007, gpus=2)
RATE = 694


def post(ledger: Ledger, name: str, microseconds: int, day: str = DAY) -> None:
    request = Request(name, day_start(day) + 1, "answered")
    line = Line("generate", GPU, "m", microseconds, microseconds * RATE, RATE)
    ledger.post(Posting(request, (line,)))


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_shares_add_up_and_are_within_one_of_the_exact_share(
    total: int, weights: list[int]
) -> None:
    if sum(weights) == 0:
        with pytest.raises(ValueError, match="above 0"):
            allocate(total, weights)
        return
    shares = allocate(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share - total * weight // sum(weights) <= 1


def test_charges_and_idle_time_are_the_bill(ledger: Ledger) -> None:
    post(ledger, "ans-1", 3_600_000_000)
    post(ledger, "ans-2", 17)
    post(ledger, "ans-other-day", 99, "2026-11-19")
    closed = close_day(ledger, POOL, DAY, "me")
    assert closed.bill == closed.used + closed.idle == 48 * 2_500_000_000_007
    (idle,) = ledger.charges_of(f"gpu-a-{DAY}")
    assert (idle["kind"], idle["day"], idle["picodollars"]) == ("idle", DAY, closed.idle)
    assert ledger.total() == closed.bill + 99 * RATE


def test_closing_again_after_a_late_charge(ledger: Ledger) -> None:
    close_day(ledger, POOL, DAY, "me")
    assert close_day(ledger, POOL, DAY, "me").idle == POOL.day_bill == ledger.total()
    assert len(ledger.charges_of(f"gpu-a-{DAY}")) == 1
    post(ledger, "ans-late", 1000)
    assert close_day(ledger, POOL, DAY, "me").used == 1000 * RATE
    assert ledger.total() == POOL.day_bill


def test_requests_side_by_side_share_the_bill(ledger: Ledger) -> None:
    day_microseconds = 86_400_000_000
    for n in range(7):
        post(ledger, f"ans-{n}", day_microseconds // 2 + n)
    closed = close_day(ledger, POOL, DAY, "me")
    assert (closed.idle, closed.used, closed.lowered) == (0, POOL.day_bill, 7)
    assert ledger.total() == POOL.day_bill
    again = close_day(ledger, POOL, DAY, "me")
    assert (again.lowered, ledger.total()) == (0, POOL.day_bill)


@pytest.mark.parametrize("day", ["yesterday", day_of(now_ms()), "2999-01-01"])
def test_a_day_that_is_not_over(ledger: Ledger, day: str) -> None:
    with pytest.raises(InvalidInput):
        close_day(ledger, POOL, day, "me")
