"""One metric of a trial: what counts for it, by how much the challenger is worse, and how likely that is by chance.

Chance is in who was sent where, so what is tested is the unit that was sent: a conversation's ten failures are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from groundwork.core.registry.observe import (
    ABSTAINED,
    ANSWERED,
    BLOCKED,
    CANCELLED,
    FAILED,
    Arms,
    Observation,
)
from groundwork.core.registry.ranks import exact_share, exact_sign, rank_sum, signed_rank

# Shares of requests; a limit is the difference that is let pass, 0 to 1.
SHARES = ("failed", "abstained", "blocked", "cancelled", "disliked")
# A mean whose fall is bad; a limit is the difference.
CONFIDENCE = "confidence"
# Means whose rise is bad; a limit is the ratio.
LATENCY, COST = RATIOS = ("latency", "cost")
METRICS = (*SHARES, CONFIDENCE, *RATIOS)

# Beyond this quantile of both together a value counts as the quantile: one outlier is no doubled mean.
_WINSOR = 0.99

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = Callable[[Observation], float | None]
Pair = tuple[Observation, Observation]
# The values of each unit.
Units = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of both. `effect` is by how much the challenger is worse, as the limit is given; None where unknown.

    `p` is the probability of such a figure for a challenger that is no worse, `level` what it has to be below.
    """

    metric: str
    champion: float | None = None
    challenger: float | None = None
    effect: float | None = None
    limit: float | None = None
    p: float | None = None
    level: float = 0.0

    @property
    def breached(self) -> bool:
        """Worse than the limit lets pass, and not by chance."""
        if self.effect is None or self.limit is None or self.p is None:
            return False
        return self.effect > self.limit and self.p < self.level

    @property
    def shown(self) -> tuple[str, str]:
        """The challenger's figure and the champion's, for people; `-` where there is none."""
        return _shown(self.metric, self.challenger), _shown(self.metric, self.champion)

    def __str__(self) -> str:
        ours, theirs = self.shown
        chance = "" if self.p is None else f" (by chance: {self.p:.1g})"
        return f"{self.metric} {ours} against {theirs} of the champion{chance}"


def figure(name: str, arms: Arms, limit: float | None, level: float) -> Figure:
    """Of requests that went one way or the other."""
    value = _VALUES[name]
    first, second = (
        _by_unit((one.unit, value(one)) for one in seen)
        for seen in (arms.champion, arms.challenger)
    )
    if not first or not second:
        return Figure(name, limit=limit, level=level)
    if name in SHARES:
        hits = [sum(map(any, units.values())) for units in (first, second)]
        p = exact_share(hits[0], len(first), hits[1], len(second))
    elif name == CONFIDENCE:
        p = rank_sum(-_means(first), -_means(second))
    else:
        p = rank_sum(_means(first), _means(second))
    return Figure(name, *_effect(name, first, second), limit, p, level)


def figure_of_pairs(name: str, pairs: Sequence[Pair], limit: float | None, level: float) -> Figure:
    """Of requests that went both ways."""
    value = _VALUES[name]
    both = [pair for pair in pairs if None not in map(value, pair)]
    # A copy belongs where the request does that it is a copy of.
    first, second = (_by_unit((pair[0].unit, value(pair[n])) for pair in both) for n in (0, 1))
    if not both:
        return Figure(name, limit=limit, level=level)
    if name in SHARES:
        happened = [(any(first[unit]), any(second[unit])) for unit in first]
        p = exact_sign(happened.count((True, False)), happened.count((False, True)))
    else:
        rise = _means(second) - _means(first)
        p = signed_rank(-rise if name == CONFIDENCE else rise)
    return Figure(name, *_effect(name, first, second), limit, p, level)


def pairs_of(arms: Arms) -> list[Pair]:
    """Each request of the champion with its copy, where both are there."""
    copies = {one.request: one for one in arms.challenger}
    return [(one, copies[one.request]) for one in arms.champion if one.request in copies]


def units_of(seen: Iterable[Observation]) -> int:
    """How many were sent."""
    return len({one.unit for one in seen})


def _shown(metric: str, value: float | None) -> str:
    if value is None:
        return "-"
    if metric in SHARES:
        return f"{100 * value:.1f} %"
    if metric == LATENCY:
        return f"{value:,.0f} ms"
    return f"${value / 1e12:.6f}" if metric == COST else f"{value:.3f}"


def _by_unit(values: Iterable[tuple[str, float | None]]) -> Units:
    found: dict[str, list[float]] = {}
    for unit, value in values:
        if value is not None:
            found.setdefault(unit, []).append(value)
    return found


def _effect(name: str, first: Units, second: Units) -> tuple[float, float, float]:
    """Mean of the champion, mean of the challenger, and by how much that is worse."""
    if name in SHARES:
        champion, challenger = (
            float(np.mean([one for values in units.values() for one in values]))
            for units in (first, second)
        )
        return champion, challenger, challenger - champion
    before, after = _means(first), _means(second)
    if name == CONFIDENCE:
        champion, challenger = float(before.mean()), float(after.mean())
        return champion, challenger, champion - challenger
    most = float(np.quantile(np.concatenate([before, after]), _WINSOR))
    champion, challenger = (float(np.minimum(one, most).mean()) for one in (before, after))
    if champion:
        return champion, challenger, challenger / champion
    return champion, challenger, math.inf if challenger else 1.0


def _means(units: Units) -> NDArray[np.float64]:
    return np.asarray([sum(values) / len(values) for values in units.values()])


def _share(outcome: str, *among: str) -> Value:
    def value(one: Observation) -> float | None:
        return float(one.outcome == outcome) if not among or one.outcome in among else None

    return value


def _if_answered(name: str) -> Value:
    def value(one: Observation) -> float | None:
        found: float | None = getattr(one, name)
        return found if one.outcome == ANSWERED else None

    return value


def _disliked(one: Observation) -> float | None:
    return None if one.rating is None else float(one.rating == "down")


# What counts for a metric. Each is a share of what could have been so: a request that broke off is no answer.
_VALUES: Mapping[str, Value] = {
    "cancelled": _share(CANCELLED),
    "failed": _share(FAILED, FAILED, BLOCKED, ABSTAINED, ANSWERED),
    "blocked": _share(BLOCKED, BLOCKED, ABSTAINED, ANSWERED),
    "abstained": _share(ABSTAINED, ABSTAINED, ANSWERED),
    "disliked": _disliked,
    CONFIDENCE: lambda one: one.confidence if one.outcome in {ANSWERED, ABSTAINED} else None,
    # An answer costs more than none: who answers more often must not look dearer.
    LATENCY: _if_answered("latency_ms"),
    COST: _if_answered("picodollars"),
}
