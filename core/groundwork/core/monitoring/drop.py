"""Whether a share of good answers has fallen, or only looks like it."""

from __future__ import annotations

import math
from dataclasses import dataclass

ALPHA = 0.01
# A drop that is certain and smaller than this is nobody's alarm.
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many were good."""

    good: int
    all: int

    @property
    def value(self) -> float:
        """0 to 1; 1 where there are none."""
        return self.good / self.all if self.all else 1.0


def certainty(before: Share, now: Share) -> float:
    """How likely so few good ones now are by chance: one-sided, exact (Fisher 1935)."""
    if not before.all or not now.all:
        return 1.0
    pooled, good = before.all + now.all, before.good + now.good
    least = max(0, good - before.all)
    ways = _log_choose(pooled, now.all)
    found = sum(
        math.exp(_log_choose(good, n) + _log_choose(pooled - good, now.all - n) - ways)
        for n in range(least, now.good + 1)
    )
    return min(1.0, found)


def fell(before: Share, now: Share, alpha: float = ALPHA, least: float = LEAST) -> bool:
    """Whether the share is lower by more than `least`, and not by chance."""
    return before.value - now.value > least and certainty(before, now) <= alpha


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
