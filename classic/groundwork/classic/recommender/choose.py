"""Choosing a model by validation: each recipe is fitted without a part of the people and measured on them, in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.evaluate import NDCG_10, Measurement, measure
from groundwork.classic.recommender.fit import RECIPES, Recipe, fit_ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.split import Holdout, fold, latest
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import NoProgress, Progress

if TYPE_CHECKING:
    from groundwork.classic.recommender.rank import Ranker

# Few people make noisy figures: up to here all of them take a turn at being measured.
_CROSS_BELOW = 3000
_FOLDS, _PARTS = 4, 8
# Weights of popularity in a score; and how many ratings people have who just came.
PRIORS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
NEWCOMERS = (1, 3)


@dataclass(frozen=True, slots=True)
class Tried:
    """A recipe with what it reached: means over people, and the processor seconds of its fits."""

    recipe: Recipe
    figures: dict[str, float]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.recipe.to_dict(),
            **{name: round(value, 4) for name, value in self.figures.items()},
            "cpu_seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """The recipe to train with, the weight of popularity, and everything that was tried, best first."""

    recipe: Recipe
    prior: float
    tried: tuple[Tried, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "recipe": self.recipe.to_dict(),
            "prior": self.prior,
            "tried": [one.to_dict() for one in self.tried],
        }


def choose(
    ratings: Ratings,
    films: Films,
    *,
    recipes: Sequence[Recipe] = RECIPES,
    seed: int = 7,
    progress: Progress | None = None,
) -> Choice:
    """The recipe with the best NDCG@10, then the prior with which it also does best for newcomers.

    Raises InvalidInput where nobody is left to measure on.
    """
    progress = progress or NoProgress()
    turns = _turns(ratings)
    progress.stage("choose a model", total=len(recipes) * len(turns), unit="fits")
    tried: list[tuple[Tried, list[Ranker]]] = []
    for recipe in recipes:
        began = time.process_time()
        rankers, found = [], []
        for kept, asked in turns:
            ranker = fit_ranker(recipe, kept, films, prior=0.0, seed=seed)
            rankers.append(ranker)
            found.append(measure(ranker, asked, films))
            progress.advance(note=str(recipe))
        tried.append((Tried(recipe, _means(found), time.process_time() - began), rankers))
    # Ties go to what stands first, which is simpler.
    tried.sort(key=lambda one: -one[0].figures[NDCG_10])
    winner, rankers = tried[0]
    progress.stage("weigh popularity", total=len(PRIORS), unit="weights")
    prior = _prior(rankers, [asked for _, asked in turns], films, progress)
    return Choice(winner.recipe, prior, tuple(one for one, _ in tried))


def _turns(ratings: Ratings) -> list[tuple[Ratings, Holdout]]:
    import numpy as np

    few = len(np.unique(ratings.user)) < _CROSS_BELOW
    parts = fold(ratings.user, _FOLDS if few else _PARTS)
    turns = []
    for part in range(_FOLDS if few else 1):
        asked = latest(ratings.take(parts == part))
        if len(asked.users):
            turns.append((ratings.take(parts != part), asked))
    if not turns:
        raise InvalidInput("nobody has enough ratings to choose a model by", field="data")
    return turns


def _prior(
    rankers: Sequence[Ranker], asked: Sequence[Holdout], films: Films, progress: Progress
) -> float:
    """The best mean of NDCG@10 over people as they are and as newcomers; the smallest of equal ones."""
    views = [[one, *(newcomers(one, count) for count in NEWCOMERS)] for one in asked]
    reached = []
    for prior in PRIORS:
        found = [
            measure(ranker.with_prior(prior), view, films)
            for ranker, of_turn in zip(rankers, views, strict=True)
            for view in of_turn
        ]
        reached.append(_means(found)[NDCG_10])
        progress.advance()
    return PRIORS[max(range(len(PRIORS)), key=lambda n: (round(reached[n], 6), -n))]


def newcomers(holdout: Holdout, count: int) -> Holdout:
    """The same people as if they had rated only `count` films so far: their latest."""
    import numpy as np

    rows = holdout.history.in_order()
    _, start, amount = np.unique(rows.user, return_index=True, return_counts=True)
    place = np.arange(len(rows)) - np.repeat(start, amount)
    kept = place >= np.repeat(amount, amount) - count
    return Holdout(holdout.users, rows.take(kept), holdout.targets)


def _means(found: Sequence[Measurement]) -> dict[str, float]:
    """Over all people of all turns."""
    people = sum(len(one.users) for one in found)
    return {
        name: sum(one.mean(name) * len(one.users) for one in found) / people
        for name in found[0].values
    }
