"""Drift: false alarms of every monitor without a shift, and how surely a stated shift is found.

Reference and window are drawn anew for every look, features of an observation together. Questions are real ones, embedded by
the product's model; the figures of images, ratings and answers are drawn to depend on one another, with ties, gaps and tails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import QUESTIONS, read_jsonl
from benchmarks.intervals import wilson
from groundwork.core.monitoring.drift.detect import DRAWS, compare
from groundwork.core.monitoring.drift.standard import FEATURES
from groundwork.core.monitoring.drift.table import Feature, Table
from groundwork.core.registry.base import ASSISTANT, INJECTION, OCR, RECOMMENDER
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.factory import create_embedder

# Windows, and how many looks without a shift are made with each: one with a large window takes the longest.
_NULLS = {50: 1000, 500: 600, 5000: 100}
WINDOWS = tuple(_NULLS)
_SHIFTED = 60
# A small window finds large shifts only: this many times the stated one.
_SMALL, _LARGE = 50, 3.0
_FEWER = 199
_OWN = ("near_pairs", "tiers", "followups", "answerable_kubeflow", "benign_dev")
_OTHER = ("neighbour_postgres",)

Rng = np.random.Generator
Columns = dict[str, NDArray[Any]]
# (rng, rows, how much is shifted: 0, or so many times the stated shift) to columns.
Draw = Callable[[Rng, int, float], Columns]


@dataclass(frozen=True, slots=True)
class Subject:
    """A monitor's features, how its observations are drawn, and what is shifted, in words."""

    name: str
    features: Sequence[Feature]
    draw: Draw
    shift: str

    def table(self, rng: Rng, rows: int, shift: float) -> Table:
        """So many observations."""
        return Table(self.draw(rng, rows, shift), rows)

    def alarms(self, window: int, shift: float, looks: int, reference: int) -> int:
        """How many looks raise an alarm."""
        rng = np.random.default_rng([window, looks, round(shift * 100)])
        count = 0
        for seed in range(looks):
            old = self.table(rng, reference, 0.0)
            new = self.table(rng, window, shift)
            # Where there is no shift a look ends early; where there is, fewer splits show less than the product's, never more.
            draws = _FEWER if shift else DRAWS
            count += bool(compare(old, new, self.features, draws=draws, seed=seed).drifted)
        return count


def main(settings: Settings) -> None:
    """Print the tables."""
    reference = settings.monitoring.drift.reference
    began = time.process_time()
    total: dict[int, int] = dict.fromkeys(WINDOWS, 0)
    subjects = _subjects(_vectors(settings))
    print(
        f"Reference {reference:,}; {' / '.join(f'{n:,}' for n in _NULLS.values())} looks without a shift and "
        f"{_SHIFTED} with one for each window.\n\n"
        "| monitor | features | false alarms by window "
        + " / ".join(f"{window:,}" for window in WINDOWS)
        + f" | all windows | shift | power by window | three times the shift, window of {_SMALL} |\n|---|---|---|---|---|---|---|"
    )
    for subject in subjects:
        nulls = [subject.alarms(window, 0.0, n, reference) for window, n in _NULLS.items()]
        found = [subject.alarms(window, 1.0, _SHIFTED, reference) for window in WINDOWS]
        large = subject.alarms(_SMALL, _LARGE, _SHIFTED, reference)
        for window, count in zip(WINDOWS, nulls, strict=True):
            total[window] += count
        print(
            f"| {subject.name} | {len(subject.features)} | {_each(nulls, list(_NULLS.values()), 1)} "
            f"| {_rate(sum(nulls), sum(_NULLS.values()))} | {subject.shift} | {_each(found, [_SHIFTED] * len(found), 0)} "
            f"| {_each([large], [_SHIFTED], 0)} |",
            flush=True,
        )
    by_window = "; ".join(
        f"{window:,}: {_rate(count, _NULLS[window] * len(subjects))}"
        for window, count in total.items()
    )
    print(f"\nFalse alarms over all monitors, by window: {by_window}.")
    looks = len(subjects) * (sum(_NULLS.values()) + (len(WINDOWS) + 1) * _SHIFTED)
    print(f"CPU seconds a look, drawing included: {(time.process_time() - began) / looks:.3f}.")


def _each(counts: Sequence[int], of: Sequence[int], digits: int) -> str:
    shares = zip(counts, of, strict=True)
    return " / ".join(f"{100 * count / all_:.{digits}f}" for count, all_ in shares) + " %"


def _rate(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{100 * count / of:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def _vectors(settings: Settings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    embedder = create_embedder(settings)

    def embedded(names: Sequence[str]) -> NDArray[np.float32]:
        rows = [row for name in names for row in read_jsonl(QUESTIONS / f"{name}.jsonl")]
        texts = dict.fromkeys(row.get("question") or row["a"] for row in rows)
        return np.vstack([embedder.embed([text]) for text in texts])

    return embedded(_OWN), embedded(_OTHER)


def _subjects(vectors: tuple[NDArray[np.float32], NDArray[np.float32]]) -> list[Subject]:
    own, other = vectors
    recommender: Mapping[str, Sequence[Feature]] = FEATURES[RECOMMENDER]
    return [
        Subject(
            "assistant",
            FEATURES[ASSISTANT][""],
            lambda rng, rows, shift: _answers(rng, rows, shift, own, other),
            "one question in five is about another product",
        ),
        Subject("ocr", FEATURES[OCR][""], _images, "brightness by half a standard deviation"),
        Subject("recommender: data", recommender["data"], _ratings, "stars by 0.4 of theirs"),
        Subject(
            "recommender: predictions",
            recommender["prediction"],
            _predictions,
            "cold answers from 10 to 25 %",
        ),
        Subject(
            "recommender: reactions", recommender["reaction"], _reactions, "clicks two places lower"
        ),
        Subject(
            "injection",
            FEATURES[INJECTION][""],
            lambda rng, rows, shift: _texts(rng, rows, shift, own, other),
            "one text in five is about another product",
        ),
    ]


def _mixed(
    rng: Rng, rows: int, share: float, own: NDArray[np.float32], other: NDArray[np.float32]
) -> NDArray[np.float32]:
    foreign = rng.random(rows) < share
    found = own[rng.integers(len(own), size=rows)]
    found[foreign] = other[rng.integers(len(other), size=int(foreign.sum()))]
    return found


def _words(rng: Rng, rows: int, shares: Mapping[str, float]) -> NDArray[Any]:
    return rng.choice(np.array(list(shares), dtype=object), size=rows, p=list(shares.values()))


def _gaps(rng: Rng, values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return np.where(rng.random(len(values)) < share, np.nan, values)


def _answers(
    rng: Rng, rows: int, shift: float, own: NDArray[np.float32], other: NDArray[np.float32]
) -> Columns:
    ease = rng.normal(size=rows)
    confidence = 1 / (1 + np.exp(-2 - ease))
    outcome = np.where(confidence < 0.6, "abstained", "answered").astype(object)
    blocked = rng.random(rows) < 0.01
    outcome[blocked] = "blocked"
    return {
        "question": _mixed(rng, rows, 0.2 * shift, own, other),
        "length": rng.poisson(9, rows).astype(float),
        "best_score": 0.6 + 0.12 * ease + 0.05 * rng.normal(size=rows),
        "confidence": confidence,
        "outcome": outcome,
        "rail": np.where(blocked, "injection", "").astype(object),
        "answer_length": np.where(outcome == "answered", rng.gamma(3, 120, rows).round(), np.nan),
        "cost": _gaps(rng, rng.gamma(2, 5000, rows).round(-2), 0.3),
    }


def _images(rng: Rng, rows: int, shift: float) -> Columns:
    light = rng.normal(size=rows)
    sharp = rng.normal(size=rows)
    look = rng.normal(size=(rows, 64)) + 0.5 * light[:, None]
    return {
        "image": look.astype(np.float32),
        "brightness": 128 + 30 * (light + 0.5 * shift),
        "contrast": 40 + 8 * light + 5 * rng.normal(size=rows),
        "sharpness": np.exp(0.8 * sharp),
        "pixels": _words(rng, rows, {"2.1": 0.6, "8.3": 0.3, "12.2": 0.1}).astype(float),
        "confidence": 1 / (1 + np.exp(-2 - sharp)),
        "characters": rng.poisson(60, rows).astype(float),
        "outcome": _words(rng, rows, {"read": 0.93, "unsure": 0.05, "failed": 0.02}),
    }


def _ratings(rng: Rng, rows: int, shift: float) -> Columns:
    kind = rng.normal(size=rows)
    stars = np.clip(3.6 + 0.5 * (kind + 0.4 * shift) + 0.2 * rng.normal(size=rows), 0.5, 5)
    return {
        "rated": np.floor(np.exp(3 + 1.2 * rng.normal(size=rows))),
        "mean_stars": _gaps(rng, stars, 0.05),
        "liked_share": _gaps(rng, np.clip(0.5 + 0.2 * kind, 0, 1), 0.05),
    }


def _predictions(rng: Rng, rows: int, shift: float) -> Columns:
    cold = 0.1 + 0.15 * shift
    score = rng.gamma(4, 0.2, rows)
    return {
        "basis": _words(rng, rows, {"user": 0.9 - cold, "ratings": 0.1, "popular": cold}),
        "best_score": score,
        "mean_score": 0.7 * score + 0.05 * rng.normal(size=rows),
        "mean_year": 1995 + 8 * rng.normal(size=rows),
    }


def _reactions(rng: Rng, rows: int, shift: float) -> Columns:
    return {
        "place": np.minimum(rng.geometric(0.25, rows) + round(2 * shift), 20).astype(float),
        "stars": _gaps(rng, rng.integers(1, 11, rows) / 2, 0.7),
    }


def _texts(
    rng: Rng, rows: int, shift: float, own: NDArray[np.float32], other: NDArray[np.float32]
) -> Columns:
    return {
        "text": _mixed(rng, rows, 0.2 * shift, own, other),
        "score": rng.beta(0.5, 8, rows),
        "length": rng.gamma(2, 60, rows).round(),
    }
