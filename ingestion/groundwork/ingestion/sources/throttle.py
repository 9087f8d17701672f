"""A token bucket: how often a website is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

_NEARLY_ONE = (
    1 - 1e-9
)  # a wait that was computed in floats must not be followed by one of a femtosecond


class TokenBucket:
    """One token a request; `rate` tokens a second come in, one is kept at most.

    `clock` gives monotonic seconds. Several tasks of one event loop may share a bucket.
    """

    def __init__(self, rate: float, *, clock: Clock, sleep: Sleep) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._tokens = 1.0
        self._filled = clock()
        self._held_until = self._filled

    def slow_down(self, interval: float) -> None:
        """At least `interval` seconds between requests from now on."""
        if interval > 0:
            self._rate = min(self._rate, 1 / interval)

    def hold(self, seconds: float) -> None:
        """No requests for so long: the server asked for a pause."""
        self._held_until = max(self._held_until, self._clock() + seconds)

    async def acquire(self) -> None:
        """Wait for the next request's turn."""
        while (wait := self._take()) > 0:
            await self._sleep(wait)

    def _take(self) -> float:
        """Take a token, or say for how many seconds there will be none."""
        now = self._clock()
        if now < self._held_until:
            return self._held_until - now
        self._tokens = min(1.0, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < _NEARLY_ONE:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
