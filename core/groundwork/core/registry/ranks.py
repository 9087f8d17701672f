"""Tests that assume nothing of a distribution: chance lies in who was sent where, or in which of a pair is which.

Each returns the one-sided probability that the second sample looks so much larger when nothing differs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sample = NDArray[np.float64]


def exact_share(first_hits: int, first: int, second_hits: int, second: int) -> float:
    """Fisher's exact test: that the second group has a larger share of hits. 1 where a group is empty."""
    hits, everyone = first_hits + second_hits, first + second
    if not first or not second or not hits:
        return 1.0
    whole = _log_choose(everyone, second)
    found = (
        math.exp(_log_choose(hits, k) + _log_choose(everyone - hits, second - k) - whole)
        for k in range(second_hits, min(hits, second) + 1)
        if second - k <= everyone - hits
    )
    return min(1.0, sum(found))


def rank_sum(first: Sample, second: Sample) -> float:
    """Wilcoxon's rank-sum test: that the second sample tends to be larger. 1 where a sample is empty.

    By the normal approximation with the correction for ties and for continuity. Where one value makes up half of all, the
    approximation is too sure of itself, and shares above that value are compared exactly instead.
    """
    if not len(first) or not len(second):
        return 1.0
    values = np.concatenate([first, second])
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return 1.0
    common = int(counts.argmax())
    if 2 * counts[common] > len(values):
        above = [int((sample > distinct[common]).sum()) for sample in (first, second)]
        return exact_share(above[0], len(first), above[1], len(second))
    ranks = _ranks(values)
    m, n = len(second), len(values)
    over = float(ranks[len(first) :].sum()) - m * (n + 1) / 2
    ties = float((counts.astype(float) ** 3 - counts).sum())
    variance = m * (n - m) / 12 * (n + 1 - ties / (n * (n - 1)))
    return _above((over - 0.5) / math.sqrt(variance))


def exact_sign(better: int, worse: int) -> float:
    """The sign test on pairs that differ (McNemar's exact test): that `worse` is the more likely."""
    tried = better + worse
    if not tried:
        return 1.0
    whole = tried * math.log(2)
    chances = (math.exp(_log_choose(tried, k) - whole) for k in range(worse, tried + 1))
    return min(1.0, sum(chances))


def signed_rank(differences: Sample) -> float:
    """Wilcoxon's signed-rank test: that differences tend to be above 0. Zeros are left out."""
    values = differences[differences != 0]
    n = len(values)
    if not n:
        return 1.0
    ranks = _ranks(np.abs(values))
    over = float(ranks[values > 0].sum()) - n * (n + 1) / 4
    variance = float((ranks**2).sum()) / 4
    return _above((over - 0.5) / math.sqrt(variance))


def _ranks(values: Sample) -> Sample:
    """From 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    means: Sample = (last - (counts - 1) / 2)[inverse]
    return means


def _above(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
