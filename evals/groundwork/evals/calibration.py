"""Does a judge say what people say? Cohen's kappa of its scores, cut at a threshold, against labels.

The threshold that is reported is fitted on all labels. The agreement is not measured with it: each answer is cut at a threshold
that was fitted without its source, so that a judge gets no credit for a threshold that happens to fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundwork.core.registry.stats import Interval
from groundwork.evals.labels import ASKED, Label
from groundwork.evals.metrics.judged import NAMES
from groundwork.evals.rows import Row

# A judge is calibrated where at least so many labels of each kind agree with it so far. 0.6 is where agreement
# begins to be called substantial (Landis and Koch 1977); the lower bound must be above what they call fair.
FEWEST, FEWEST_OF_A_KIND = 50, 10
KAPPA, LOWER_BOUND = 0.6, 0.4
_FOLDS = 10
_DRAWS = 2000

Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of answers: what the judge said, and what people said."""

    both_yes: int
    judge_only: int
    people_only: int
    both_no: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """One metric. An answer counts as good where its score is `threshold` or better; None where nothing can be said.

    `why_not` says why the metric is not calibrated, "" where it is.
    """

    metric: str
    threshold: float | None
    kappa: Interval | None
    confusion: Confusion
    why_not: str

    @property
    def calibrated(self) -> bool:
        """Whether its opinion may be taken for people's."""
        return not self.why_not

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "calibrated": self.calibrated}


@dataclass(frozen=True, slots=True)
class Calibrated:
    """All metrics. `unknown` labels are of no answer of the run: of another one, or of other words."""

    metrics: tuple[Calibration, ...]
    unknown: int


def calibrate(rows: Sequence[Row], labels: Sequence[Label], seed: int = 11) -> Calibrated:
    """Hold a run's judged scores against labels of the same answers."""
    by_id = {row.id: row for row in rows}
    known = [
        (row, label)
        for label in labels
        if (row := by_id.get(label.id)) is not None and row.answer == label.answer
    ]
    found = tuple(_metric(name, known, seed) for name in NAMES if name in ASKED)
    return Calibrated(found, len(labels) - len(known))


def kappa(judged: Flags, said: Flags) -> float:
    """Cohen's kappa of two yes-no raters (Cohen 1960): agreement beyond chance, 1 at best, 0 for chance.

    Where both say the same of everything there is no chance to go beyond: 0.
    """
    n = len(said)
    if n == 0:
        return 0.0
    agreed = float(np.mean(judged == said))
    yes, also_yes = float(np.mean(judged)), float(np.mean(said))
    chance = yes * also_yes + (1 - yes) * (1 - also_yes)
    return 0.0 if chance >= 1.0 else (agreed - chance) / (1 - chance)


def threshold(scores: Scores, said: Flags) -> float:
    """Where kappa is highest: between two scores that occur; the lowest of equals."""
    occurring = np.unique(scores)
    cuts: list[float] = [float(occurring[0]), *((occurring[1:] + occurring[:-1]) / 2).tolist()]
    return max(cuts, key=lambda cut: kappa(scores >= cut, said))


def _metric(name: str, known: Sequence[tuple[Row, Label]], seed: int) -> Calibration:
    pairs = [
        (value, label.says[name], row.source)
        for row, label in known
        if name in label.says and (value := row.scores.get(name)) is not None
    ]
    scores = np.array([value for value, _, _ in pairs])
    less_is_better = name.endswith("noise_sensitivity")
    if less_is_better:
        scores = -scores
    said = np.array([yes for _, yes, _ in pairs], dtype=bool)
    few = _few(said)
    if said.all() or not said.any():
        yes = int(said.sum())
        return Calibration(name, None, None, Confusion(0, 0, yes, len(said) - yes), few)
    sources = [source for _, _, source in pairs]
    judged = _out_of_sample(scores, said, sources)
    agreement = _interval(judged, said, sources, seed)
    cut = threshold(scores, said)
    return Calibration(
        name,
        -cut if less_is_better else cut,
        agreement,
        _confusion(judged, said),
        few or _weak(agreement),
    )


def _few(said: Flags) -> str:
    rarer = min(int(said.sum()), int((~said).sum())) if len(said) else 0
    if len(said) < FEWEST:
        return f"{len(said)} labels are fewer than {FEWEST}"
    if rarer < FEWEST_OF_A_KIND:
        return f"{rarer} labels of the rarer kind are fewer than {FEWEST_OF_A_KIND}"
    return ""


def _weak(agreement: Interval) -> str:
    if agreement.mean < KAPPA:
        return f"kappa is below {KAPPA}"
    if agreement.low < LOWER_BOUND:
        return f"kappa may be below {LOWER_BOUND}"
    return ""


def _out_of_sample(scores: Scores, said: Flags, sources: Sequence[str]) -> Flags:
    """What the judge says of each answer, by a threshold fitted on other sources."""
    folds = np.array([sha256(source.encode()).digest()[0] % _FOLDS for source in sources])
    judged = np.zeros(len(said), dtype=bool)
    for fold in np.unique(folds):
        rest = folds != fold
        fitted = rest if rest.any() else ~rest
        judged[folds == fold] = scores[folds == fold] >= threshold(scores[fitted], said[fitted])
    return judged


def _interval(judged: Flags, said: Flags, sources: Sequence[str], seed: int) -> Interval:
    """95 %, bootstrapped by source."""
    groups: dict[str, list[int]] = {}
    for n, source in enumerate(sources):
        groups.setdefault(source, []).append(n)
    held = [np.array(group) for group in groups.values()]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        chosen = np.concatenate([held[n] for n in rng.integers(len(held), size=len(held))])
        drawn.append(kappa(judged[chosen], said[chosen]))
    low, high = (float(one) for one in np.quantile(drawn, [0.025, 0.975]))
    return Interval(kappa(judged, said), low, high, len(said))


def _confusion(judged: Flags, said: Flags) -> Confusion:
    return Confusion(
        int((judged & said).sum()),
        int((judged & ~said).sum()),
        int((~judged & said).sum()),
        int((~judged & ~said).sum()),
    )
