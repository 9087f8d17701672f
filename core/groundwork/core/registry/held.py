"""A release that is lent for the time of one request, and what is noted of that request while a trial runs."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from groundwork.core.errors import (
    BudgetExceeded,
    Forbidden,
    InvalidInput,
    TooManyRequests,
    Unauthenticated,
)
from groundwork.core.registry.observe import ANSWERED, CANCELLED, FAILED, Observation, Role
from groundwork.core.registry.trial import Trial

T = TypeVar("T")

# What the caller did wrong says nothing of the release.
_CALLERS = (InvalidInput, Unauthenticated, Forbidden, BudgetExceeded, TooManyRequests)
_LEFT = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)

Add = Callable[[Observation], None]


@dataclass(slots=True, eq=False)
class Loaded(Generic[T]):
    """A release in memory. `release` is "" for what stands in as long as nothing is registered."""

    release: str
    value: T
    leases: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Noting:
    """Where observations of one request go."""

    add: Add
    trial: Trial
    key: str
    request: str | None


class Held(Generic[T]):
    """What answers one request. `release` is the registry's id, "" for what stands in before there is one.

    Outside a trial `note` does nothing. In a trial a request that nobody noted is noted when it ends: as answered, as failed
    where it raised, as cancelled where its caller left.
    """

    def __init__(self, loaded: Loaded[T], role: Role, noting: Noting | None) -> None:
        self.release = loaded.release
        self.value = loaded.value
        self.role = role
        self._noting = noting
        self._began = time.monotonic()

    def note(
        self,
        outcome: str,
        *,
        latency_ms: float | None = None,
        picodollars: int | None = None,
        confidence: float | None = None,
    ) -> None:
        """How the request ended. Leave out what means nothing, as the latency of an answer that was kept from before.

        The first note counts.
        """
        noting, self._noting = self._noting, None
        if noting is None:
            return
        trial = noting.trial
        # A key may hold words of a person; its digest is enough to tell units apart.
        unit = hashlib.sha256(f"{trial.id}\0{noting.key}".encode()).hexdigest()[:16]
        noting.add(
            Observation(
                trial=trial.id,
                role=self.role,
                request=noting.request or secrets.token_hex(12),
                unit=unit,
                at=int(time.time() * 1000),
                outcome=outcome,
                latency_ms=latency_ms,
                picodollars=picodollars,
                confidence=confidence,
            )
        )

    def ended(self, error: BaseException | None = None) -> None:
        """The request is over. Notes what nobody noted."""
        if error is None:
            self.note(ANSWERED, latency_ms=(time.monotonic() - self._began) * 1000)
        elif isinstance(error, _LEFT):
            self.note(CANCELLED)
        elif isinstance(error, _CALLERS):
            self._noting = None
        else:
            self.note(FAILED)
