from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import TooManyRequests
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.limits import Buckets, DatabaseBuckets, MemoryBuckets, RateLimits

NOON = 1_795_168_800_000
ADA = Caller(key_id="k1", requests_per_minute=60, tokens_per_minute=600)


@pytest.fixture(params=["memory", "database"])
def buckets(request: pytest.FixtureRequest, ledger: Ledger) -> Buckets:
    return MemoryBuckets() if request.param == "memory" else DatabaseBuckets(ledger.engine)


def test_a_minutes_worth_at_once_and_then_evenly(buckets: Buckets) -> None:
    limits = RateLimits(buckets)
    left = [limits.enter(ADA, at=NOON)["requests"]["remaining"] for _ in range(60)]
    assert left == list(range(59, -1, -1))
    with pytest.raises(TooManyRequests) as caught:
        limits.enter(ADA, at=NOON)
    assert (caught.value.status, caught.value.retry_after) == (429, 1.0)
    assert caught.value.limit == {
        "limit": "requests", "per_minute": 60, "remaining": 0, "resets_in_seconds": 1.0,
    }  # fmt: skip
    with pytest.raises(TooManyRequests):
        limits.enter(ADA, at=NOON + 999)
    limits.enter(ADA, at=NOON + 1000)
    limits.enter(Caller(key_id="k2", requests_per_minute=60), at=NOON)


def test_tokens_are_settled_by_what_was_used(buckets: Buckets) -> None:
    limits = RateLimits(buckets)
    limits.enter(ADA, 500, at=NOON)
    with pytest.raises(TooManyRequests, match="tokens a minute"):
        limits.enter(ADA, 200, at=NOON)
    limits.used(ADA, 500, 100)
    assert limits.enter(ADA, 200, at=NOON)["tokens"]["remaining"] == 300
    # More than was expected: the next minute pays for it.
    limits.used(ADA, 200, 1100)
    with pytest.raises(TooManyRequests):
        limits.enter(ADA, 1, at=NOON + 59_000)
    limits.enter(ADA, 1, at=NOON + 60_200)


def test_one_request_above_the_limit_is_told_so(buckets: Buckets) -> None:
    with pytest.raises(TooManyRequests, match="ask for less") as caught:
        RateLimits(buckets).enter(ADA, 601, at=NOON)
    assert caught.value.retry_after is None


def test_keys_without_their_own_have_the_services_limit(buckets: Buckets) -> None:
    limits = RateLimits(buckets, requests_per_minute=1)
    limits.enter(Caller(key_id="k3"), at=NOON)
    with pytest.raises(TooManyRequests):
        limits.enter(Caller(key_id="k3"), at=NOON)
    RateLimits(buckets).enter(Caller(key_id="k3"), 10**9, at=NOON)


def test_many_at_once_get_what_there_is(buckets: Buckets) -> None:
    limits = RateLimits(buckets)

    def ask(_: int) -> bool:
        try:
            limits.enter(ADA, at=NOON)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(90))) == 60


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 20)), max_size=60),
)
def test_never_more_than_the_bucket_and_what_flowed_in(
    per_minute: int, asks: list[tuple[int, int]]
) -> None:
    buckets, now, taken = MemoryBuckets(), NOON, 0
    for passed, amount in asks:
        now += passed
        wait, _ = buckets.take("b", amount, per_minute, now)
        if wait == 0:
            taken += amount
        assert taken <= per_minute + (now - NOON) * per_minute / 60_000
        if wait and amount <= per_minute:
            assert buckets.take("b", amount, per_minute, now + wait)[0] == 0
            now, taken = now + wait, taken + amount
