"""Training: check what arrived, choose by validation, fit, and measure on people who are set apart."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.check import Report, check
from groundwork.classic.recommender.choose import Choice, choose
from groundwork.classic.recommender.evaluate import measure
from groundwork.classic.recommender.fit import RECIPES, Recipe, fit_ranker
from groundwork.classic.recommender.profile import Profile
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.read import read
from groundwork.classic.recommender.split import Holdout, held_out, latest
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundwork.core.progress import Progress
    from groundwork.core.registry.gate import Measured

POPULARITY = Recipe("popularity", "liked")


@dataclass(frozen=True)
class Arrived:
    """Ratings that passed the checks, as they are used: those of films that the catalogue has."""

    ratings: Ratings
    films: Films
    report: Report


def arrive(folder: Path, *, before: Profile | None = None, at: int | None = None) -> Arrived:
    """Read and check. Raises InvalidInput with every reason where the set is bad, NotFound where there is none.

    `before` is the profile of what the champion was trained on, `at` the time in UTC seconds, now if not given.
    """
    import numpy as np

    raw = read(folder)
    when = int(time.time()) if at is None else at
    report = check(raw.ratings, raw.films, now=when, before=before)
    report.require()
    known = raw.ratings.take(np.isin(raw.ratings.film, raw.films.ids))
    return Arrived(known, raw.films, report)


def apart(ratings: Ratings) -> tuple[Ratings, Holdout]:
    """What is trained on, and the people who never are. Raises InvalidInput where one of the two is empty."""
    away = held_out(ratings.user)
    kept, holdout = ratings.take(~away), latest(ratings.take(away))
    if not len(holdout.users) or not len(kept):
        raise InvalidInput("too few people to set some apart and train on the rest", field="data")
    return kept, holdout


def train(
    ratings: Ratings,
    films: Films,
    *,
    seed: int,
    progress: Progress,
    recipes: Sequence[Recipe] = RECIPES,
) -> tuple[Ranker, Choice]:
    """Choose and fit, on the people who may be trained on. Raises InvalidInput where there are too few."""
    kept, _ = apart(ratings)
    choice = choose(kept, films, recipes=recipes, seed=seed, progress=progress)
    progress.stage(f"fit {choice.recipe}")
    return fit_ranker(choice.recipe, kept, films, prior=choice.prior, seed=seed), choice


def measured_on(ranker: Ranker, ratings: Ratings, films: Films, name: str, seed: int) -> Measured:
    """For the gate: any ranker beside popularity, on the people of these ratings whom no release has seen."""
    kept, holdout = apart(ratings)
    popular = fit_ranker(POPULARITY, kept, films, prior=0.0, seed=seed)
    beside = measure(popular, holdout, films)
    return measure(ranker, holdout, films).measured(name, beside)
