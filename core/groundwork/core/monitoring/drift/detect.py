"""Whether a window of observations comes from where the reference comes from.

The largest surprise over all features is compared with what it is where window and reference are drawn from one lot: the
pooled observations, split again at random, all features of an observation together (a permutation test of the maximum,
Westfall and Young 1993). That is exact for windows of every size, for features that depend on one another and for values that
are tied, so at `alpha` one look in 1 / alpha raises an alarm without a cause, however many features there are.

Splits are drawn until it is certain that the alarm would not be raised, or `draws` times (Besag and Clifford 1991): a look at
what has not drifted costs little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from groundwork.core.errors import InvalidInput
from groundwork.core.monitoring.drift.statistics import Measure, categories, numbers, vectors
from groundwork.core.monitoring.drift.table import Feature, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 999
_BLOCK = 48


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a look found. `p_values` are by feature, each corrected for all of them; `splits` were drawn."""

    p_values: Mapping[str, float]
    alpha: float
    splits: int

    @property
    def drifted(self) -> tuple[str, ...]:
        """Features, the strangest first."""
        found = [name for name, p in self.p_values.items() if p <= self.alpha]
        return tuple(sorted(found, key=lambda name: self.p_values[name]))


def compare(
    reference: Table,
    window: Table,
    features: Sequence[Feature],
    *,
    alpha: float = 0.01,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Look at a window. Raises InvalidInput where either sample is empty, or `draws` cannot show `alpha`."""
    if not reference.rows or not window.rows:
        raise InvalidInput("a window is compared with a reference; one of them is empty")
    # So many splits may be as strange as what was seen before an alarm is out of the question.
    allowed = math.floor(alpha * (draws + 1) + 1e-9) - 1
    if allowed < 0:
        raise InvalidInput(f"{draws} splits cannot show what happens once in {1 / alpha:g}")
    measures = _measures(reference, window, features)
    rows = reference.rows + window.rows
    seen = _surprises(measures, np.arange(reference.rows, rows)[None, :])[0]
    rng = np.random.default_rng(seed)
    above = np.zeros(len(measures), dtype=np.int64)
    drawn = 0
    while drawn < draws and above.min() <= allowed:
        block = min(_BLOCK, draws - drawn)
        picked = np.stack(
            [rng.choice(rows, window.rows, replace=False, shuffle=False) for _ in range(block)]
        )
        largest = _surprises(measures, picked).max(axis=1)
        # Sums are made in another order for each split: what is equal need not be so to the last bit.
        above += (largest[:, None] >= seen[None, :] - 1e-9).sum(axis=0)
        drawn += block
    values = (above + 1) / (drawn + 1)
    return Comparison(
        {feature.name: float(p) for feature, p in zip(features, values, strict=True)}, alpha, drawn
    )


def _measures(reference: Table, window: Table, features: Sequence[Feature]) -> list[Measure]:
    found: list[Measure] = []
    for feature in features:
        old, new = reference.columns[feature.name], window.columns[feature.name]
        if feature.kind == "number":
            found.append(numbers(np.concatenate([old, new])))
        elif feature.kind == "category":
            found.append(categories([*old, *new]))
        else:
            found.append(vectors(_stacked(old, new)))
    return found


def _stacked(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float32]:
    if old.shape[1] == new.shape[1]:
        return np.concatenate([old, new])
    # Vectors of another embedder: every one of them is elsewhere, and that is what the test shall say.
    pooled = np.zeros((len(old) + len(new), 1), dtype=np.float32)
    pooled[len(old) :] = 1.0
    return pooled


def _surprises(measures: Sequence[Measure], picked: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([measure.surprise(picked) for measure in measures], axis=1)
