"""A trial: the challenger gets a share of the traffic, or copies of it, until it is shown to be worse or has passed.

What runs is a tag of the line, so that every service that follows the line knows it, and beginning and end are events of the
line's history. `canary.py` looks at trials; `follow.py` gives the challenger its share.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson

from groundwork.core.errors import Conflict, InvalidInput, NotFound
from groundwork.core.registry.base import (
    CHALLENGER,
    CHAMPION,
    Event,
    Line,
    Registered,
    Registry,
)
from groundwork.core.registry.promotion import Reason

Mode = Literal["canary", "shadow"]
# How a trial ends. `breach`: shown to be worse, or it cannot be loaded. `void`: what was compared is there no more.
Outcome = Literal["breach", "passed", "stopped", "expired", "replaced", "promoted", "void"]

# The line's tag that holds the trial that runs.
TRIAL = "trial"
# With more there would be nothing to compare the challenger with.
MAX_SHARE = 0.9

_POSITIONS = 2**64


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trial ended, and why."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How a release is tried.

    `share` is of the keys, 0 to 1; a copy is made for so many in `shadow`. Figures are compared from `min_requests` of the
    challenger on, and the trial has passed after `max_requests`; it gives up after `max_hours`. `limits` maps a metric of
    `compare.py` to what the challenger may be worse by. At most the share `false_alarms` of challengers that are no worse is
    sent back. Raises InvalidInput.
    """

    mode: Mode = "canary"
    share: float = 0.1
    min_requests: int = 20
    max_requests: int = 1000
    max_hours: float = 72.0
    false_alarms: float = 0.05
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        most = 1.0 if self.mode == "shadow" else MAX_SHARE
        if not 0 < self.share <= most:
            raise InvalidInput(
                f"a {self.mode}'s share is above 0 and at most {most:g}", field="share"
            )
        if not 1 <= self.min_requests <= self.max_requests:
            raise InvalidInput(
                f"a trial takes at least {self.min_requests} requests, so its end cannot be at "
                f"{self.max_requests}",
                field="max_requests",
            )


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan under way. `looks` counts the comparisons that were made; times are UTC ISO 8601."""

    id: str
    line: Line
    champion: str
    challenger: str
    plan: Plan
    started_at: str
    ends_at: str
    actor: str
    looks: int = 0

    @classmethod
    def begin(cls, release: Registered, champion: str, plan: Plan, actor: str) -> Trial:
        """From now on."""
        now = datetime.now(UTC)
        return cls(
            id="trial-" + secrets.token_hex(6),
            line=release.line,
            champion=champion,
            challenger=release.id,
            plan=plan,
            started_at=_iso(now),
            ends_at=_iso(now + timedelta(hours=plan.max_hours)),
            actor=actor,
        )

    def takes(self, key: str) -> bool:
        """Whether this key is among the challenger's share.

        A key has one place between 0 and 1 as long as the challenger is the same: a larger share only adds keys. Another
        challenger gets others, so that nobody is always the first to try.
        """
        digest = hashlib.sha256(f"{self.challenger}\0{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.plan.share * _POSITIONS

    def expired(self, now: datetime | None = None) -> bool:
        """Its time is up: nobody sends it traffic any more, even where nobody ends it."""
        return (now or datetime.now(UTC)) >= datetime.fromisoformat(self.ends_at)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "line": str(self.line)}

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """From the tag. Raises InvalidInput."""
        try:
            data = orjson.loads(text)
            return cls(**{**data, "line": Line.parse(data["line"]), "plan": Plan(**data["plan"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"this is no trial: {error}", field=TRIAL) from None


def trial_of(registry: Registry, line: Line) -> Trial | None:
    """The trial that runs. Raises InvalidInput for a tag that another version of the software wrote."""
    text = registry.tags(line).get(TRIAL)
    return None if text is None else Trial.from_json(text)


def running_trial(registry: Registry, line: Line) -> Trial:
    """The trial that runs. Raises NotFound."""
    trial = trial_of(registry, line)
    if trial is None:
        raise NotFound(
            f"nothing is being tried in {line}; begin with: groundwork release canary start ID",
            field="line",
        )
    return trial


def start_trial(registry: Registry, release: Registered, plan: Plan, reason: Reason) -> Trial:
    """Make a release the challenger and give it its share.

    Trying the same release again, with a larger share say, begins to count anew. Raises Conflict where there is no champion,
    where the release is it, or where another one is being tried.
    """
    line = release.line
    with registry.exclusive(line):
        champion = registry.aliases(line).get(CHAMPION)
        if champion is None:
            raise Conflict(f"{line} has no champion to compare with; promote one", field="release")
        if champion == release.id:
            raise Conflict(f"{release.id} is the champion of {line}", field="release")
        _make_room(registry, release, reason)
        trial = Trial.begin(release, champion, plan, reason.actor)
        registry.point(line, CHALLENGER, release.id)
        save_trial(registry, trial)
        _record(registry, trial, "canary-started", reason, {"trial": trial.to_dict()})
    return trial


def overtaken(trial: Trial, aliases: Mapping[str, str]) -> Ending | None:
    """Why there is nothing left to compare, where that is so: somebody moved what the trial is about."""
    champion = aliases.get(CHAMPION)
    if champion == trial.challenger:
        return Ending("promoted", "the challenger was promoted")
    if champion != trial.champion:
        return Ending("void", f"its champion, {trial.champion}, is none any more")
    if aliases.get(CHALLENGER) != trial.challenger:
        return Ending("void", "another release became the challenger")
    return None


def stop_trial(registry: Registry, line: Line, reason: Reason) -> Trial:
    """End what is being tried in this line. Raises NotFound where nothing is."""
    with registry.exclusive(line):
        trial = running_trial(registry, line)
        close_trial(registry, trial, "stopped", reason)
    return trial


def save_trial(registry: Registry, trial: Trial) -> None:
    """Write the tag. Under the line's lock."""
    registry.tag(trial.line, TRIAL, orjson.dumps(trial.to_dict()).decode())


def looked(trial: Trial, looks: int) -> Trial:
    """The trial after so many looks."""
    return replace(trial, looks=looks)


def close_trial(registry: Registry, trial: Trial, outcome: Outcome, reason: Reason) -> None:
    """End it, with how and why in the history. Under the line's lock.

    A challenger that passed keeps its alias: it is ready to be promoted, and gets no traffic until then.
    """
    aliases = registry.aliases(trial.line)
    if outcome != "passed" and aliases.get(CHALLENGER) == trial.challenger:
        registry.point(trial.line, CHALLENGER, None)
    registry.tag(trial.line, TRIAL, None)
    detail = {"outcome": outcome, "trial": trial.to_dict(), **(reason.detail or {})}
    _record(registry, trial, "canary-ended", reason, detail)


def _make_room(registry: Registry, release: Registered, reason: Reason) -> None:
    """End what was tried before. Raises Conflict where that is another release, and still under way."""
    running = trial_of(registry, release.line)
    if running is None:
        return
    ending = overtaken(running, registry.aliases(release.line))
    if ending is not None:
        close_trial(registry, running, ending.outcome, Reason(reason.actor, ending.reason))
        return
    if running.challenger != release.id:
        raise Conflict(
            f"{running.challenger} is being tried in {release.line}; end that with: groundwork release "
            "canary stop",
            field="release",
        )
    close_trial(registry, running, "replaced", reason)


def _record(
    registry: Registry, trial: Trial, action: str, reason: Reason, detail: Mapping[str, Any]
) -> None:
    at = _iso(datetime.now(UTC))
    event = Event(at, action, trial.challenger, trial.champion, reason.actor, reason.text, detail)
    registry.record(trial.line, event)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
