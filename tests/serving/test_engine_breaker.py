from __future__ import annotations

import pytest

from groundwork.core.errors import EngineDown
from groundwork.serving.engine.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("default", failures=3, seconds=10, clock=clock)


def state_of(breaker: Breaker) -> str:
    # A call, so that no type checker takes the last state for the present one.
    return breaker.state


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.enter().failed()


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.enter().succeeded()
    fail(breaker, 2)
    assert state_of(breaker) == "closed"
    fail(breaker, 1)
    assert state_of(breaker) == "open"


def test_while_open_it_says_for_how_long(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 4
    for refuse in (breaker.enter, breaker.check):
        with pytest.raises(EngineDown) as raised:
            refuse()
        assert raised.value.retry_after == pytest.approx(6)


def test_after_the_pause_one_request_tries(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    assert state_of(breaker) == "half-open"
    probe = breaker.enter()
    with pytest.raises(EngineDown):
        breaker.enter()
    probe.succeeded()
    assert state_of(breaker) == "closed"
    fail(breaker, 2)
    assert state_of(breaker) == "closed"


def test_a_failed_probe_begins_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    breaker.enter().failed()
    assert state_of(breaker) == "open"
    clock.now += 9
    assert state_of(breaker) == "open"


def test_a_probe_that_is_dropped_makes_room_for_another(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    breaker.enter().dropped()
    assert state_of(breaker) == "half-open"
    breaker.enter().succeeded()
    assert state_of(breaker) == "closed"


def test_a_probe_that_answers_lets_others_in_before_its_end(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    probe = breaker.enter()
    probe.alive()
    breaker.enter().dropped()
    assert state_of(breaker) == "closed"
    # Not trusted before its end: one failure is enough.
    probe.failed()
    assert state_of(breaker) == "open"


def test_outcomes_from_before_it_opened_count_no_more(breaker: Breaker, clock: Clock) -> None:
    old = [breaker.enter() for _ in range(4)]
    fail(breaker, 3)
    old[0].succeeded()
    assert state_of(breaker) == "open"
    clock.now += 10
    breaker.enter().succeeded()
    for permit in old[1:]:
        permit.failed()
    assert state_of(breaker) == "closed"


def test_an_outcome_is_said_once(breaker: Breaker) -> None:
    permit = breaker.enter()
    permit.succeeded()
    for _ in range(5):
        permit.failed()
    assert state_of(breaker) == "closed"
