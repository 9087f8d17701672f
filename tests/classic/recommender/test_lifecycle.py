"""A recommender lives the life that every kind of release does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from groundwork.classic.recommender.recommend import Wish, recommend
from groundwork.classic.recommender.release import RANKER
from groundwork.classic.recommender.serve import Recommender, RecommenderLoader
from groundwork.core.registry.base import Candidate
from groundwork.core.registry.gate import Measured
from tests.classic.recommender.world import LINE, made
from tests.contracts.lifecycle import Kind, Lifecycle, Which


@cache
def make(which: Which) -> tuple[Candidate, Measured]:
    """Real releases; the better one is measured a little better on the same people, the worse one much worse."""
    first = made()
    if which == "first":
        return first.candidate, first.measured
    shift = {"better": 0.02, "broken": 0.02, "worse": -0.1}[which]
    content = {**first.candidate.content, "which": which}
    files: dict[str, bytes | Path] = dict(first.candidate.files)
    if which == "broken":
        files[RANKER] = b"no ranker"
    rows = {
        name: {metric: min(1.0, max(0.0, (value or 0.0) + shift)) for metric, value in row.items()}
        for name, row in first.measured.examples.items()
    }
    measured = replace(first.measured, name=which, examples=rows)
    return replace(first.candidate, content=content, files=files), measured


def ask(loaded: Recommender) -> tuple[int, ...]:
    profile = loaded.features.profile(3)
    return tuple(pick.film for pick in recommend(loaded.ranker, profile, (), Wish()).picks)


class TestRecommender(Lifecycle):
    """The suite."""

    @pytest.fixture
    def kind(self) -> Kind[Recommender]:
        return Kind(LINE, make, RecommenderLoader(), ask)
