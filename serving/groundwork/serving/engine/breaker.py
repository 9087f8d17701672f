"""A circuit breaker: an engine that keeps failing is left alone for a while, then tried with one request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from groundwork.core.errors import EngineDown

State = Literal["closed", "open", "half-open"]

_PROBE_RETRY_SECONDS = 1.0


class Breaker:
    """Opens after `failures` failures in a row, for `seconds`; then lets one request through at a time.

    `clock` gives seconds and never runs backwards. Used from one event loop, so it needs no lock.
    """

    def __init__(
        self,
        name: str,
        failures: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        # Outcomes of requests that began before the breaker last opened say nothing about now.
        self._era = 0

    @property
    def state(self) -> State:
        """Half-open: the pause is over and one request may try, or is trying."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._remaining() > 0 else "half-open"

    def check(self) -> None:
        """Raises EngineDown where requests are refused now; takes no probe."""
        if self._opened_at is not None and self._remaining() > 0:
            raise self._refusal(self._remaining())

    def enter(self) -> Permit:
        """Let a request through. Raises EngineDown with the seconds until the next one is."""
        self.check()
        if self._opened_at is not None:
            if self._probing:
                raise self._refusal(_PROBE_RETRY_SECONDS)
            self._probing = True
        return Permit(self, self._era)

    def _remaining(self) -> float:
        return (self._opened_at or 0.0) + self._seconds - self._clock()

    def _refusal(self, seconds: float) -> EngineDown:
        return EngineDown(
            f"the engine {self._name} kept failing and is left alone; try again in {seconds:.0f} s",
            retry_after=seconds,
        )

    def _alive(self, era: int) -> None:
        if era == self._era and self._opened_at is not None:
            self._opened_at = None
            self._probing = False
            # Not trusted yet: one more failure opens it again.
            self._failures = self._limit - 1

    def _succeeded(self, era: int) -> None:
        self._alive(era)
        if era == self._era:
            self._failures = 0

    def _failed(self, era: int) -> None:
        if era != self._era:
            return
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._limit:
            self._opened_at = self._clock()
            self._probing = False
            self._failures = 0
            self._era += 1

    def _dropped(self, era: int) -> None:
        if era == self._era:
            self._probing = False


class Permit:
    """One request that was let through. Its outcome is said once; what is said later has no effect.

    A request that was `alive` and then left by its reader needs no outcome; any other has to have one.
    """

    def __init__(self, breaker: Breaker, era: int) -> None:
        self._breaker = breaker
        self._era = era
        self._settled = False

    def alive(self) -> None:
        """The engine answers; the request goes on. Ends a probe, so that others need not wait for its end."""
        if not self._settled:
            self._breaker._alive(self._era)  # noqa: SLF001  # two halves of one thing

    def succeeded(self) -> None:
        """The request came to its end."""
        self._settle(self._breaker._succeeded)  # noqa: SLF001

    def failed(self) -> None:
        """The engine is to blame."""
        self._settle(self._breaker._failed)  # noqa: SLF001

    def dropped(self) -> None:
        """It says nothing about the engine: the caller left, or the request was wrong."""
        self._settle(self._breaker._dropped)  # noqa: SLF001

    def _settle(self, outcome: Callable[[int], None]) -> None:
        if not self._settled:
            self._settled = True
            outcome(self._era)
