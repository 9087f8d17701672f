"""Which release answers: the one code path of promotion, refusal and rollback, for every kind of release.

Each move is one operation under the line's lock: the aliases move, and the history says who did it and why. What has to
happen around a move (an index's alias, a check that the release loads) is a `Carrier` of its kind. A move is noted before it
begins, so that whoever comes after a mover that died in the middle of it finishes it or takes it as not begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from groundwork.core.errors import Conflict, GateRefused
from groundwork.core.registry.base import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Candidate,
    Event,
    Line,
    Registered,
    Registry,
)
from groundwork.core.registry.gate import GateSettings, Measured, Verdict, judge

# The note of a move under way.
MOVING = "moving"
# Whoever may be champion.
ANYONE = "*"
# A note is short; the history has the whole of it.
_LONGEST_REASON = 500


class Carrier(Protocol):
    """What a kind of release needs done when one of it goes live."""

    def check(self, release: Registered) -> None:
        """Load it as a service would. Raises where it cannot be: then nothing moves."""
        ...

    def carry(self, release: Registered) -> None:
        """Make live what stands outside the registry, such as an index version. May be done twice."""
        ...


class NoCarrier:
    """Where the alias is all there is."""

    def check(self, release: Registered) -> None:
        """Nothing to load."""

    def carry(self, release: Registered) -> None:
        """Nothing to move."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a candidate: its release, the gate's word, and whether it answers now."""

    release: Registered
    verdict: Verdict
    promoted: bool


@dataclass(frozen=True, slots=True)
class Reason:
    """Who moves a release, and why. `detail` is JSON: the verdict, or what a canary saw."""

    actor: str
    text: str
    detail: Mapping[str, Any] | None = None


def submit(
    registry: Registry,
    candidate: Candidate,
    measured: Measured,
    champion: Measured | None,
    gate: GateSettings,
    *,
    actor: str,
    carrier: Carrier | None = None,
    promote_passed: bool = True,
) -> Submitted:
    """Register a candidate, put it before the gate and promote it where it passes.

    `champion` is the champion measured on the same examples, None where there is none. A refused candidate stays
    registered with the refusal in its line's history.
    """
    release = registry.register(candidate)
    verdict = judge(measured, champion, gate)
    if not verdict.passed:
        refuse(registry, release, verdict, actor)
        return Submitted(release, verdict, promoted=False)
    if not promote_passed:
        return Submitted(release, verdict, promoted=False)
    reason = Reason(actor, "passed the gate", verdict.to_dict())
    promote(registry, release, reason, carrier or NoCarrier())
    return Submitted(release, verdict, promoted=True)


def refuse(registry: Registry, release: Registered, verdict: Verdict, actor: str) -> None:
    """Keep the gate's refusal in the history."""
    champion = registry.aliases(release.line).get(CHAMPION)
    reason = Reason(actor, "; ".join(verdict.reasons), verdict.to_dict())
    _record(registry, release, "refused", champion, reason)


def promote(
    registry: Registry,
    release: Registered,
    reason: Reason,
    carrier: Carrier,
    over: str | None = ANYONE,
) -> Registered:
    """Make a release the champion; the former one becomes `previous`. Promoting the champion changes nothing.

    Raises what `carrier.check` raises, and Conflict where the champion is another one than `over`, which this release was
    compared with; nothing has moved then.
    """
    return _move(registry, release, reason, carrier, "promoted", over)


def rollback(
    registry: Registry, former: Registered, reason: Reason, carrier: Carrier
) -> Registered:
    """Make the previous champion, or any former one, the champion again."""
    return _move(registry, former, reason, carrier, "rolled-back", ANYONE)


def previous(registry: Registry, release: Registered) -> Registered:
    """What a rollback of this release's line goes back to. Raises Conflict where there is nothing."""
    if MOVING in registry.tags(release.line):
        with registry.exclusive(release.line):
            _settle(registry, release.line)
    before = registry.aliases(release.line).get(PREVIOUS)
    if before is None:
        raise Conflict(f"{release.line} has no previous champion to go back to", field="release")
    return registry.find(before, release.line)


def require(verdict: Verdict) -> None:
    """Raises GateRefused with the reasons."""
    if not verdict.passed:
        raise GateRefused("; ".join(verdict.reasons))


def _move(
    registry: Registry,
    release: Registered,
    reason: Reason,
    carrier: Carrier,
    action: str,
    over: str | None,
) -> Registered:
    line = release.line
    carrier.check(release)
    with registry.exclusive(line):
        _settle(registry, line)
        former = registry.aliases(line).get(CHAMPION)
        if over not in {ANYONE, former}:
            raise Conflict(
                f"{former} became the champion of {line} meanwhile; compare {release.id} with that",
                field="release",
            )
        # Carried first: a service that follows the alias finds what it needs.
        carrier.carry(release)
        if former != release.id:
            event = _event(action, release, former, reason)
            brief = replace(event, reason=event.reason[:_LONGEST_REASON], detail={})
            registry.tag(line, MOVING, orjson.dumps(asdict(brief)).decode())
            registry.point(line, CHAMPION, release.id)
            _complete(registry, line, event)
    return registry.find(release.id, line)


def _complete(registry: Registry, line: Line, event: Event, *, told: bool = False) -> None:
    """What is left once the champion has moved. Each step may be done twice."""
    if event.former is not None:
        registry.point(line, PREVIOUS, event.former)
    if registry.aliases(line).get(CHALLENGER) == event.release:
        registry.point(line, CHALLENGER, None)
    if not told:
        registry.record(line, event)
    registry.tag(line, MOVING, None)


def _settle(registry: Registry, line: Line) -> None:
    """Finish the move of a mover that died in it, or forget it where the champion had not moved yet. Under the line's lock."""
    note = registry.tags(line).get(MOVING)
    if note is None:
        return
    event = Event(**orjson.loads(note))
    if registry.aliases(line).get(CHAMPION) != event.release:
        registry.tag(line, MOVING, None)
        return
    # Once more, for what moves along with it.
    registry.point(line, CHAMPION, event.release)
    told = any((one.at, one.release) == (event.at, event.release) for one in registry.history(line))
    _complete(registry, line, replace(event, detail={"finished_by_the_next": True}), told=told)


def _record(
    registry: Registry, release: Registered, action: str, former: str | None, reason: Reason
) -> None:
    registry.record(release.line, _event(action, release, former, reason))


def _event(action: str, release: Registered, former: str | None, reason: Reason) -> Event:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Event(at, action, release.id, former, reason.actor, reason.text, reason.detail or {})
