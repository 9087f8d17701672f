"""Further tries of a request that has not said anything yet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from groundwork.core.errors import EngineBroken, EngineBusy, EngineDown, EngineError, EngineTimeout
from groundwork.serving.engine.breaker import Breaker, Permit

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Retries:
    """`retries` further tries; `sleep` and `random` (0 up to 1) are the test's to replace."""

    retries: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def pause(self, tried: int) -> float:
        """Seconds before the next try: twice as long each time, the upper half of it by chance."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**tried)
        return longest * (0.5 + 0.5 * self.random())


async def first_success(
    attempt: Callable[[], Awaitable[T]], breaker: Breaker, retries: Retries, deadline: float
) -> tuple[T, Permit]:
    """The first attempt that succeeds, with its permit, which the caller settles.

    What an engine could do better the next time is tried again, after its Retry-After where it gave one, while
    there is time before `deadline` (of the event loop). A timeout is not: the time is spent, and an engine
    that is overloaded does not get better by the same work twice. Raises the last attempt's error.
    """
    tried = 0
    last: EngineError | None = None
    while True:
        permit = _permitted(breaker, last)
        try:
            return await attempt(), permit
        except EngineError as error:
            settle(permit, error)
            pause = retries.pause(tried) if error.retry_after is None else error.retry_after
            too_late = asyncio.get_running_loop().time() + pause >= deadline
            if tried >= retries.retries or too_late or not _may_pass(error):
                raise
            last = error
        except BaseException:
            permit.dropped()
            raise
        tried += 1
        await retries.sleep(pause)


def settle(permit: Permit, error: EngineError) -> None:
    """Say to the breaker whether this error is the engine's fault."""
    if isinstance(error, EngineDown | EngineTimeout | EngineBroken):
        permit.failed()
    else:
        permit.dropped()


def settle_stream(permit: Permit, error: EngineError, total: float) -> None:
    """The same for an answer that had begun and had until `total` of the event loop to end."""
    if isinstance(error, EngineTimeout) and asyncio.get_running_loop().time() >= total:
        # It wrote all the time: long, not broken.
        permit.dropped()
    settle(permit, error)


def _permitted(breaker: Breaker, last: EngineError | None) -> Permit:
    try:
        return breaker.enter()
    except EngineDown as refusal:
        if last is None:
            raise
        # Why it failed says more than that it is left alone now.
        last.retry_after = last.retry_after or refusal.retry_after
        raise last from None


def _may_pass(error: EngineError) -> bool:
    return isinstance(error, EngineDown | EngineBroken | EngineBusy)
