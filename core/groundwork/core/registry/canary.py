"""Watching trials: figures are compared, and a challenger that is worse is taken out by itself, with the reason in the history.

Any number of replicas may watch the same trial; what is found is acted on under the line's lock, by the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from groundwork.core.errors import Conflict, GroundworkError
from groundwork.core.registry.base import Line, Registry
from groundwork.core.registry.compare import Decision, compare, due
from groundwork.core.registry.follow import Status
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.observe import Observations
from groundwork.core.registry.promotion import Carrier, NoCarrier, Reason, promote
from groundwork.core.registry.trial import (
    Ending,
    Mode,
    Plan,
    Trial,
    close_trial,
    looked,
    overtaken,
    save_trial,
    trial_of,
)
from groundwork.core.settings import CanarySettings

_log = logging.getLogger("groundwork.releases")

ACTOR = "canary"
# How long what was seen in a trial can be read again.
KEEP_DAYS = 30
# A service that could not load a challenger so often, within 35 seconds, has not met a passing fault.
LOAD_TRIES = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a trial found. `ending` is None while it goes on; `decision` is None where nothing was compared."""

    trial: Trial
    decision: Decision | None = None
    ending: Ending | None = None


class CanaryWatch:
    """Looks at trials and ends those that are decided."""

    def __init__(
        self,
        observations: Observations,
        *,
        promote_passed: bool = False,
        carrier_of: Callable[[Line], Carrier] = lambda _: NoCarrier(),
        look_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With `promote_passed` a challenger that passed becomes the champion, carried by its line's carrier."""
        self._observations = observations
        self._promote_passed = promote_passed
        self._carrier_of = carrier_of
        self._look_seconds = look_seconds
        self._clock = clock
        self._looked_at = float("-inf")

    def beside(self, registry: Registry, followers: Followers) -> None:
        """For `Followers`: looks at every trial that they know of, every `look_seconds`. Raises Unavailable."""
        now = self._clock()
        if now - self._looked_at < self._look_seconds:
            return
        self._looked_at = now
        for status in followers.status():
            try:
                self.look(registry, status.line, _given_up(status))
            except Conflict as error:
                # Somebody else is at it.
                _log.info("%s: %s", status.line, error.detail)

    def look(
        self, registry: Registry, line: Line, failed: Mapping[str, str] | None = None
    ) -> Look | None:
        """Compare, and end the trial where that is decided. None where nothing is being tried.

        `failed` says by release why this service has given up loading it: that ends the trial where nobody else was answered by
        it either. Raises Unavailable; Conflict where the line is locked for long.
        """
        trial = trial_of(registry, line)
        if trial is None:
            return None
        ending = _over(registry, trial)
        if ending is not None:
            return self._end(registry, trial, ending, None)
        counts = self._observations.counts(trial.id)
        if failed and trial.challenger in failed and not counts["challenger"]:
            ending = Ending("breach", f"it cannot be loaded: {failed[trial.challenger]}")
            return self._end(registry, trial, ending, None)
        # There are at least as many requests as conversations: where even those are too few, nothing need be read.
        if due(trial, counts["champion"], counts["challenger"]) == trial.looks:
            return Look(trial)
        decision = self.compare(trial)
        if decision.verdict != "continue":
            ending = Ending(decision.verdict, decision.reason)
            return self._end(registry, trial, ending, decision)
        if decision.looks > trial.looks:
            trial = _count_look(registry, trial, decision.looks)
        return Look(trial, decision)

    def compare(self, trial: Trial) -> Decision:
        """The figures as they stand, without acting on them. Raises Unavailable."""
        return compare(trial, self._observations.read(trial.id))

    def _end(
        self, registry: Registry, trial: Trial, ending: Ending, decision: Decision | None
    ) -> Look:
        detail = {} if decision is None else {"decision": decision.to_dict()}
        with registry.exclusive(trial.line):
            if trial_of(registry, trial.line) != trial:
                # Another replica was faster, or somebody stopped it.
                return Look(trial, decision)
            reason = Reason(ACTOR, ending.reason, detail)
            close_trial(registry, trial, ending.outcome, reason)
        _log.warning("%s: the trial of %s ended, %s: %s", *_ended(trial, ending))
        if ending.outcome == "passed" and self._promote_passed:
            self._promote(registry, trial, detail)
        self._observations.forget(int(1000 * (time.time() - KEEP_DAYS * 86_400)))
        return Look(trial, decision, ending)

    def _promote(self, registry: Registry, trial: Trial, detail: Mapping[str, object]) -> None:
        release = registry.find(trial.challenger, trial.line)
        reason = Reason(ACTOR, f"passed its {trial.plan.mode}", detail)
        try:
            promote(registry, release, reason, self._carrier_of(trial.line))
        except GroundworkError as error:
            # It passed and stays the challenger; a person can promote it when that works again.
            _log.error("%s: %s was not promoted: %s", trial.line, release.id, error.detail)


def plan_of(
    settings: CanarySettings,
    mode: Mode = "canary",
    share: float | None = None,
    max_requests: int | None = None,
) -> Plan:
    """As the settings say, but for what is given. Raises InvalidInput."""
    most = settings.max_requests if max_requests is None else max_requests
    return Plan(
        mode=mode,
        share=settings.share if share is None else share,
        min_requests=min(settings.min_requests, most),
        max_requests=most,
        max_hours=settings.max_hours,
        false_alarms=settings.false_alarms,
        limits=settings.limits,
    )


def _over(registry: Registry, trial: Trial) -> Ending | None:
    """Why there is nothing more to compare."""
    moved = overtaken(trial, registry.aliases(trial.line))
    if moved is not None:
        return moved
    if trial.expired():
        hours = trial.plan.max_hours
        return Ending("expired", f"not decided within {hours:g} hours; it saw too few requests")
    return None


def _given_up(status: Status) -> Mapping[str, str]:
    """Why releases cannot be loaded here, of those that were tried often enough."""
    return {
        release: reason
        for release, reason in status.failed.items()
        if status.tries[release] >= LOAD_TRIES
    }


def _count_look(registry: Registry, trial: Trial, looks: int) -> Trial:
    with registry.exclusive(trial.line):
        if trial_of(registry, trial.line) != trial:
            return trial
        trial = looked(trial, looks)
        save_trial(registry, trial)
    return trial


def _ended(trial: Trial, ending: Ending) -> tuple[object, ...]:
    return trial.line, trial.challenger, ending.outcome, ending.reason
