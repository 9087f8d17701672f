"""How far two samples of one feature are apart, for one split of the pooled observations or for many at once.

Every statistic is minus the logarithm of an asymptotic p-value, so that those of different features can be compared. The
asymptotics need not hold: `detect` finds what the largest of them is worth by permutation, which does not rest on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers are compared by their order on so many quantiles of the pooled sample, and by counts in fewer, wider ones.
FINE, COARSE = 64, 8
MAX_CATEGORIES = 24
# An embedding of many observations is compared in the directions along which the pooled sample varies most: finding them
# costs as much as a few thousand rows.
DIRECTIONS, MANY = 64, 4000

_TINY = 1e-290


class Measure(Protocol):
    """One feature of the pooled sample, `rows` of which the first `reference` are the reference."""

    def surprise(self, picked: NDArray[np.int64]) -> NDArray[np.float64]:
        """For each row of `picked`, (splits, window), the indices that make the window: one number, larger is stranger."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """A number or a category, as the cell that each observation falls into.

    `groups` maps cells to the wider ones that counts are compared in; `ordered` cells are compared by their cumulated
    shares too (Kolmogorov and Smirnov).
    """

    cells: NDArray[np.int64]
    groups: NDArray[np.int64]
    ordered: bool

    def surprise(self, picked: NDArray[np.int64]) -> NDArray[np.float64]:
        """The larger of what order and counts say."""
        splits, window = picked.shape
        size = len(self.groups)
        at = self.cells[picked] + (np.arange(splits) * size)[:, None]
        counts = np.bincount(at.ravel(), minlength=splits * size).reshape(splits, size)
        total = np.bincount(self.cells, minlength=size)
        found = self._by_counts(counts, total, window)
        if self.ordered:
            found = np.maximum(found, self._by_order(counts, total, window))
        return found

    @staticmethod
    def _by_order(counts: NDArray[Any], total: NDArray[Any], window: int) -> NDArray[np.float64]:
        from scipy.special import kolmogorov

        rest = int(total.sum()) - window
        shares = np.cumsum(counts, axis=1) / window
        others = np.cumsum(total - counts, axis=1) / rest
        apart = np.abs(shares - others).max(axis=1)
        tail = kolmogorov(apart * np.sqrt(window * rest / (window + rest)))
        return np.asarray(-np.log(np.maximum(tail, _TINY)))

    def _by_counts(
        self, counts: NDArray[Any], total: NDArray[Any], window: int
    ) -> NDArray[np.float64]:
        from scipy.special import chdtrc

        wide = int(self.groups.max()) + 1
        member = np.zeros((len(self.groups), wide))
        member[np.arange(len(self.groups)), self.groups] = 1.0
        held, whole = counts @ member, total @ member
        used = whole > 0
        if used.sum() < 2:
            return np.zeros(len(counts))
        held, whole = held[:, used], whole[used]
        rows = whole.sum()
        expected = whole * (window / rows)
        square = ((held - expected) ** 2 / expected).sum(axis=1) * rows / (rows - window)
        tail = chdtrc(int(used.sum()) - 1, square)
        return np.asarray(-np.log(np.maximum(tail, _TINY)))


@dataclass(frozen=True, slots=True)
class Placed:
    """An embedding: centred coordinates, (rows, directions). How far the window's mean is from the reference's."""

    points: NDArray[np.float32]
    # Satterthwaite's approximation to the null: scale times a chi-square of so many degrees of freedom.
    scale: float
    degrees: float

    def surprise(self, picked: NDArray[np.int64]) -> NDArray[np.float64]:
        """From the squared distance of the means."""
        from scipy.special import gammaincc

        rows, window = len(self.points), picked.shape[1]
        if not self.scale:
            return np.zeros(len(picked))
        means = np.stack([self.points[each].mean(axis=0) for each in picked]).astype(np.float64)
        # The pooled mean is 0: the reference's mean is that of the window, mirrored and shrunk.
        square = (means**2).sum(axis=1) * window * (rows - 1) / (rows - window)
        tail = gammaincc(self.degrees / 2, square / self.scale / 2)
        return np.asarray(-np.log(np.maximum(tail, _TINY)))


def numbers(values: NDArray[np.float64]) -> Counted:
    """Cells are quantiles of the pooled sample; what is missing has one of its own, the last."""
    known = ~np.isnan(values)
    present = values[known]
    shares = np.linspace(0, 1, FINE + 1)[1:-1]
    edges = np.unique(np.quantile(present, shares)) if len(present) else np.empty(0)
    cells = np.full(len(values), len(edges) + 1, dtype=np.int64)
    cells[known] = np.searchsorted(edges, present, side="left")
    counts = np.bincount(cells, minlength=len(edges) + 2)
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    groups = np.minimum((before + counts / 2) * COARSE / max(1, len(present)), COARSE - 1)
    groups = groups.astype(np.int64)
    groups[-1] = COARSE
    return Counted(cells, groups, ordered=True)


def categories(values: Sequence[str]) -> Counted:
    """A cell for each of the most frequent, and one for all others."""
    names, cells, counts = np.unique(
        np.asarray(values, dtype=str), return_inverse=True, return_counts=True
    )
    place = np.empty(len(names), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.minimum(np.arange(len(names)), MAX_CATEGORIES)
    return Counted(place[cells], np.arange(min(len(names), MAX_CATEGORIES + 1)), ordered=False)


def vectors(values: NDArray[np.float32]) -> Placed:
    """Centred, where there are many rotated to the directions of most variance, without regard to which half a row is from."""
    centred = (values - values.mean(axis=0)).astype(np.float32)
    spread = centred.T @ centred / max(1, len(values) - 1)
    if len(values) > MANY and centred.shape[1] > DIRECTIONS:
        sizes, axes = np.linalg.eigh(spread)
        centred = centred @ axes[:, -DIRECTIONS:]
        spread = np.diag(sizes[-DIRECTIONS:])
    first, second = float(np.trace(spread)), float((spread.astype(np.float64) ** 2).sum())
    if first <= 0 or second <= 0:
        return Placed(centred, 0.0, 1.0)
    # E[window * |mean|^2] is the trace, and its variance twice the sum of squares.
    return Placed(centred, second / first, first**2 / second)
