"""What is seen of a champion and its challenger while one is tried: a few figures a request, without its content."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["champion", "challenger"]

ANSWERED, ABSTAINED, BLOCKED, FAILED, CANCELLED = (
    "answered",
    "abstained",
    "blocked",
    "failed",
    "cancelled",
)


@dataclass(frozen=True, slots=True)
class Observation:
    """One request of a trial.

    `unit` is what was sent one way or the other as a whole: the conversation, or the request itself. `at` is when it ended,
    in milliseconds since 1970. `outcome` is that of an answer; other kinds of releases have `answered` and `failed`. What is
    None is not known or means nothing, such as the latency of an answer that was kept from before. `rating` is "up" or
    "down".
    """

    trial: str
    role: Role
    request: str
    unit: str
    at: int
    outcome: str
    latency_ms: float | None = None
    picodollars: int | None = None
    confidence: float | None = None
    rating: str | None = None


@dataclass(frozen=True, slots=True)
class Arms:
    """Everything that was seen in one trial."""

    champion: Sequence[Observation] = field(default=())
    challenger: Sequence[Observation] = field(default=())

    @classmethod
    def of(cls, seen: Sequence[Observation]) -> Arms:
        """Sorted out by role."""
        return cls(
            [one for one in seen if one.role == "champion"],
            [one for one in seen if one.role == "challenger"],
        )


class Observations(Protocol):
    """Where observations go and come from. Several services share one."""

    def add(self, seen: Observation) -> None:
        """Keep it. Called at the end of a request: never blocks for long, never raises."""
        ...

    def counts(self, trial: str) -> Mapping[Role, int]:
        """How many requests were seen, by role; cheap. Raises Unavailable."""
        ...

    def read(self, trial: str) -> Arms:
        """Everything that was seen. Raises Unavailable."""
        ...

    def forget(self, before: int) -> int:
        """Delete what was seen before this instant, in milliseconds since 1970; how many. Raises Unavailable."""
        ...


class MemoryObservations:
    """Those of one process."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Observation]] = {}
        self._lock = threading.Lock()

    def add(self, seen: Observation) -> None:
        """Keep it."""
        with self._lock:
            self._seen.setdefault(seen.trial, []).append(seen)

    def counts(self, trial: str) -> Mapping[Role, int]:
        """By role."""
        arms = self.read(trial)
        return {"champion": len(arms.champion), "challenger": len(arms.challenger)}

    def read(self, trial: str) -> Arms:
        """Everything."""
        with self._lock:
            return Arms.of(list(self._seen.get(trial, ())))

    def forget(self, before: int) -> int:
        """Delete what is older."""
        with self._lock:
            count = sum(map(len, self._seen.values()))
            kept = {
                trial: [one for one in seen if one.at >= before]
                for trial, seen in self._seen.items()
            }
            self._seen = {trial: seen for trial, seen in kept.items() if seen}
            return count - sum(map(len, self._seen.values()))
