"""Training: check what arrived, choose by validation, fit, measure on people set apart, and make a release of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.check import Report, check
from groundwork.classic.recommender.choose import Choice, choose
from groundwork.classic.recommender.evaluate import Measurement, measure
from groundwork.classic.recommender.fit import RECIPES, Recipe, fit_ranker
from groundwork.classic.recommender.profile import PROFILE, Profile, profile_of
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.read import read
from groundwork.classic.recommender.release import candidate, load
from groundwork.classic.recommender.split import Holdout, held_out, latest
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundwork.core.registry.base import Candidate, Line, Lineage
    from groundwork.core.registry.gate import Measured

_POPULARITY = Recipe("popularity", "liked")


@dataclass(frozen=True)
class Arrived:
    """Ratings that passed the checks, as they are used: those of films that the catalogue has."""

    ratings: Ratings
    films: Films
    report: Report
    profile: Profile


@dataclass(frozen=True)
class Trained:
    """A candidate's parts: the ranker, how it was chosen, and how it and popularity measured on the same people."""

    ranker: Ranker
    choice: Choice
    found: Measurement
    popular: Measurement
    holdout: Holdout
    seconds: float

    def measured(self, name: str) -> Measured:
        """For the gate."""
        return self.found.measured(name, self.popular)


def arrive(folder: Path, *, before: Profile | None = None, now: int | None = None) -> Arrived:
    """Read and check. Raises InvalidInput with every reason where the set is bad, NotFound where there is none.

    `before` is the profile of what the champion was trained on.
    """
    import numpy as np

    raw = read(folder)
    report = check(
        raw.ratings, raw.films, now=int(time.time()) if now is None else now, before=before
    )
    report.require()
    known = raw.ratings.take(np.isin(raw.ratings.film, raw.films.ids))
    return Arrived(known, raw.films, report, profile_of(raw.ratings))


def train(
    arrived: Arrived, *, seed: int, progress: Progress, recipes: Sequence[Recipe] = RECIPES
) -> Trained:
    """Choose, fit and measure. Raises InvalidInput where nobody is left to train on or to measure with."""
    began = time.process_time()
    apart = held_out(arrived.ratings.user)
    kept, holdout = arrived.ratings.take(~apart), latest(arrived.ratings.take(apart))
    if not len(holdout.users) or not len(kept):
        raise InvalidInput("too few people to set some apart and train on the rest", field="data")
    choice = choose(kept, arrived.films, recipes=recipes, seed=seed, progress=progress)
    progress.stage("fit and measure", total=2, unit="models")
    ranker = fit_ranker(choice.recipe, kept, arrived.films, prior=choice.prior, seed=seed)
    found = measure(ranker, holdout, arrived.films)
    progress.advance(note=str(choice.recipe))
    popular = fit_ranker(_POPULARITY, kept, arrived.films, prior=0.0, seed=seed)
    beside = measure(popular, holdout, arrived.films)
    progress.advance(note="popularity")
    return Trained(ranker, choice, found, beside, holdout, time.process_time() - began)


def candidate_of(trained: Trained, arrived: Arrived, line: Line, lineage: Lineage) -> Candidate:
    """The release to be registered, with its measurement."""
    return candidate(
        line,
        trained.ranker,
        trained.choice,
        arrived.profile,
        lineage,
        trained.measured("candidate"),
        trained.found,
        {"ratings": arrived.ratings.digest, "report": arrived.report.to_dict()},
    )


def measure_release(folder: Path, trained: Trained, films: Films, name: str) -> Measured:
    """Another release, from its files, on the people that a candidate was measured on. Nobody of them trained either."""
    return measure(load(folder), trained.holdout, films).measured(name, trained.popular)


def profile_in(folder: Path) -> Profile | None:
    """What a release was trained on; None where it does not say."""
    path = folder / PROFILE
    return Profile.from_json(path.read_bytes()) if path.is_file() else None
