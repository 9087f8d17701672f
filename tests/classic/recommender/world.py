"""A small world of made-up ratings with a trained release, shared by the tests of the recommender and of its endpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from groundwork.classic.recommender.check import check
from groundwork.classic.recommender.fit import Recipe
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.profile import profile_of
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.release import line_of
from groundwork.classic.recommender.train import Arrived, Trained, candidate_of, train
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import CHAMPION, Candidate, Lineage, Registered, Registry

SHAPE = Shape(users=240, films=400, per_user=45, seed=7)
LINE = line_of("films")
RECIPES = (
    Recipe("popularity", "liked"),
    Recipe("ease", "liked", {"penalty": 30.0}),
)


@dataclass(frozen=True)
class Made:
    """A release's data and what training made of it."""

    arrived: Arrived
    trained: Trained
    candidate: Candidate

    @property
    def ratings(self) -> Ratings:
        return self.arrived.ratings

    @property
    def films(self) -> Films:
        return self.arrived.films


@cache
def made(seed: int = 7, users: int = SHAPE.users) -> Made:
    ratings, films = generate(replace(SHAPE, seed=seed, users=users))
    return trained_on(ratings, films)


def trained_on(ratings: Ratings, films: Films) -> Made:
    report = check(ratings, films, now=int(time.time()))
    arrived = Arrived(ratings, films, report, profile_of(ratings))
    trained = train(arrived, seed=7, progress=NoProgress(), recipes=RECIPES)
    lineage = Lineage(data={"ratings": ratings.digest}, code="test")
    return Made(arrived, trained, candidate_of(trained, arrived, LINE, lineage))


def registered(registry: Registry, one: Made | None = None) -> Registered:
    """In the registry, and champion."""
    release = registry.register((one or made()).candidate)
    registry.point(LINE, CHAMPION, release.id)
    return release


def files_of(registry: Registry, release: Registered, folder: Path) -> Path:
    return registry.files(release, folder / release.id)
