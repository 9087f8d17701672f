"""Is the challenger worse? Figures of live traffic, looked at again and again without fooling oneself.

Looking until something is significant would send back every release in the end. So the looks are few and set beforehand, at
numbers of requests that grow by `GROWTH`, and the false alarms that a trial may have are divided among all looks and metrics
(alpha spending by the union bound). That holds whatever the metrics' distributions are and however they hang together.
docs/decisions/canary.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from groundwork.core.registry.figures import (
    LATENCY,
    METRICS,
    Figure,
    figure,
    figure_of_pairs,
    pairs_of,
    units_of,
)
from groundwork.core.registry.observe import Arms
from groundwork.core.registry.trial import Plan, Trial

GROWTH = 1.4
# A copy runs beside the request it is a copy of: its time says nothing, and no client waits for it or judges it.
NOT_IN_SHADOW = frozenset({LATENCY, "cancelled", "disliked"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a look found. `looks` is how many are used up now; `units` count what was compared, by role."""

    verdict: Literal["continue", "breach", "passed"]
    reason: str
    figures: tuple[Figure, ...]
    looks: int
    units: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        figures = [{**asdict(one), "breached": one.breached} for one in self.figures]
        return {**asdict(self), "figures": figures}


def schedule(plan: Plan) -> tuple[int, ...]:
    """At how many of the challenger's units each look is."""
    steps = math.ceil(math.log(plan.max_requests / plan.min_requests, GROWTH) - 1e-9)
    between = (round(plan.min_requests * GROWTH**step) for step in range(steps))
    return (*between, plan.max_requests)


def judged(plan: Plan) -> tuple[str, ...]:
    """The metrics that can end a trial of this plan."""
    off = NOT_IN_SHADOW if plan.mode == "shadow" else frozenset()
    return tuple(name for name in METRICS if name in plan.limits and name not in off)


def due(trial: Trial, champion: int, challenger: int) -> int:
    """How many looks there should have been after so many units of each; never less than there were.

    In a canary all units together decide when to look: their number says nothing about who was sent where.
    """
    plan = trial.plan
    expected = challenger if plan.mode == "shadow" else (champion + challenger) * plan.share
    # A replica that has not loaded the challenger sends it nothing.
    reached = [n for n in schedule(plan) if expected >= n and challenger >= n / 2]
    return max(len(reached), trial.looks)


def compare(trial: Trial, arms: Arms) -> Decision:
    """Decide. Figures are given at all times; only a look that is due can end the trial."""
    plan = trial.plan
    pairs = pairs_of(arms) if plan.mode == "shadow" else []
    if plan.mode == "shadow":
        arms = Arms([before for before, _ in pairs], [after for _, after in pairs])
    units = {"champion": units_of(arms.champion), "challenger": units_of(arms.challenger)}
    looks = due(trial, units["champion"], units["challenger"])
    level = _level(plan, looks - trial.looks)
    limits = {name: plan.limits[name] for name in judged(plan)}
    figures = tuple(
        figure_of_pairs(name, pairs, limits.get(name), level)
        if plan.mode == "shadow"
        else figure(name, arms, limits.get(name), level)
        for name in METRICS
    )
    breaches = [str(one) for one in figures if one.breached]
    if breaches:
        return Decision("breach", "; ".join(breaches), figures, looks, units)
    ends = schedule(plan)
    if looks == len(ends):
        reason = f"not shown to be worse after {units['challenger']:,} of the challenger"
        return Decision("passed", reason, figures, looks, units)
    reason = (
        f"{looks} of {len(ends)} looks; the next one at about {ends[looks]:,} of the challenger"
    )
    return Decision("continue", reason, figures, looks, units)


def _level(plan: Plan, looks: int) -> float:
    """What a probability has to be below at a look that stands for so many."""
    tests = len(schedule(plan)) * max(len(judged(plan)), 1)
    return looks * plan.false_alarms / tests
