"""A small world of made-up ratings with a trained release, shared by the tests of the recommender and of its endpoint."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from groundwork.classic.recommender.check import check
from groundwork.classic.recommender.evaluate import measure
from groundwork.classic.recommender.features.compute import film_table, user_table
from groundwork.classic.recommender.features.definitions import FILM, USER
from groundwork.classic.recommender.fit import Recipe
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.profile import profile_of
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.release import FEATURES, Files, candidate_of, line_of
from groundwork.classic.recommender.train import apart, measured_on, train
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import CHAMPION, Candidate, Lineage, Registered, Registry
from groundwork.core.registry.gate import Measured
from tests.classic.recommender.layout import write_online

SHAPE = Shape(users=200, films=300, per_user=40, seed=7)
LINE = line_of("films")
RECIPES = (
    Recipe("popularity", "liked"),
    Recipe("ease", "liked", {"penalty": 30.0}),
)


@dataclass(frozen=True)
class Made:
    """A release's data and what training made of it."""

    ratings: Ratings
    films: Films
    candidate: Candidate
    measured: Measured


# Files of releases, for as long as the tests run.
_FOLDERS = tempfile.TemporaryDirectory(prefix="recommender-tests-")


@cache
def made(seed: int = 7, users: int = SHAPE.users) -> Made:
    return trained_on(*generate(replace(SHAPE, seed=seed, users=users)))


def trained_on(ratings: Ratings, films: Films) -> Made:
    """As the trainer does it, but for the features, which Feast takes seconds to write."""
    report = check(ratings, films, now=int(time.time()))
    report.require()
    ranker, choice = train(ratings, films, seed=7, progress=NoProgress(), recipes=RECIPES)
    files = Files(Path(_FOLDERS.name) / ratings.digest[:12])
    files.write(
        ranker, choice, profile_of(ratings), {"ratings": ratings.digest, "report": report.to_dict()}
    )
    tables = ((USER, user_table(ratings, films)), (FILM, film_table(ratings)))
    write_online(files.folder / FEATURES, tables)
    measured = measured_on(ranker, ratings, films, "candidate", 7)
    found = measure(ranker, apart(ratings)[1], films)
    lineage = Lineage(data={"ratings": ratings.digest}, code="test")
    return Made(ratings, films, candidate_of(LINE, files, measured, found, lineage), measured)


def registered(registry: Registry, one: Made | None = None) -> Registered:
    """In the registry, and champion."""
    release = registry.register((one or made()).candidate)
    registry.point(LINE, CHAMPION, release.id)
    return release
