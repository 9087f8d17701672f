"""Means with bootstrap intervals that are clustered by source: questions on one page stand and fall together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values with the bounds of its interval; all three 0 where n is 0."""

    mean: float
    low: float
    high: float
    n: int


def interval(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int,
    tail: float = 0.025,
    draws: int = DRAWS,
) -> Interval:
    """The mean with its percentile interval; `tail` is the share that each side leaves out.

    Whole clusters are drawn with replacement. Deviations are widened by sqrt(C / (C - 1)) for C clusters, since the
    bootstrap of few clusters is too narrow by that much (Davison and Hinkley 1997, 2.3).
    """
    if not values:
        return Interval(0.0, 0.0, 0.0, 0)
    means, mean = resampled(values, clusters, seed=seed, draws=draws)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high), len(values))


def resampled(
    values: Sequence[float], clusters: Sequence[str], *, seed: int, draws: int = DRAWS
) -> tuple[NDArray[np.float64], float]:
    """The means of `draws` resamples, widened as `interval` says, and the mean itself."""
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(member, weights=np.asarray(values, dtype=np.float64))
    counts = np.bincount(member)
    mean = float(sums.sum() / counts.sum())
    size = len(names)
    if size == 1:
        return np.full(draws, mean), mean
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=draws)
    means = (weights @ sums) / (weights @ counts)
    return mean + (means - mean) * np.sqrt(size / (size - 1)), mean
