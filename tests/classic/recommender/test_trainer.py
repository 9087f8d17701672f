"""The steps of a training, from a folder of ratings to a release that is promoted, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.recommender.features.definitions import USER
from groundwork.classic.recommender.generate import Shape, generate, write
from groundwork.classic.recommender.prepared import Prepared
from groundwork.classic.recommender.ratings import Ratings
from groundwork.classic.recommender.serve import RecommenderLoader
from groundwork.classic.recommender.trainer import RecommenderTrainer, recipes_of
from groundwork.classic.trainer import Job
from groundwork.core.datasets import lineage
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import CHAMPION, Line, Lineage
from groundwork.core.registry.gate import GateSettings
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import Submitted, submit
from groundwork.core.registry.tracking import MemoryTracker
from groundwork.core.settings import Settings

LINE = Line("recommender", "films")
RATINGS, FILMS = generate(Shape(users=210, films=300, per_user=40))
OPTIONS = {"models": "ease"}


class Bench:
    """A registry and a trainer, and the steps in turn."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.trainer = RecommenderTrainer(Settings(home=home))
        self.registry = MemoryRegistry()
        self.tracker = MemoryTracker()
        self.runs = 0

    def train(self, ratings: Ratings) -> Submitted:
        self.runs += 1
        folder = self.home / f"run-{self.runs}"
        data, prepared, release = folder / "data", folder / "prepared", folder / "release"
        write(data, ratings, FILMS)
        job = Job(LINE, data, options=OPTIONS)
        champion = self.champion()
        version = self.trainer.data(job, champion)
        assert version.rows == len(ratings)
        self.trainer.prepare(job, prepared, NoProgress())
        with self.tracker.run("recommender", "test", {}) as run:
            self.trainer.train(job, prepared, release, NoProgress(), run)
        measured = self.trainer.evaluate(job, prepared, release, "candidate", NoProgress())
        beside = None
        if champion is not None:
            beside = self.trainer.evaluate(job, prepared, champion, "champion", NoProgress())
        made = self.trainer.candidate(
            job, prepared, release, measured, Lineage(data=lineage([version]))
        )
        return submit(
            self.registry,
            made,
            measured,
            beside,
            GateSettings.read(kind="recommender"),
            actor="test",
            carrier=self.trainer.carrier(self.registry),
        )

    @cached_property
    def better(self) -> Submitted:
        """Of everybody."""
        return self.train(RATINGS)

    def champion(self) -> Path | None:
        found = self.registry.aliases(LINE).get(CHAMPION)
        if found is None:
            return None
        return self.registry.files(self.registry.find(found, LINE), self.home / "champion" / found)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """With a first champion, of a third of the people."""
    made = Bench(tmp_path_factory.mktemp("trainer"))
    first = made.train(RATINGS.take(RATINGS.user % 3 == 0))
    assert first.promoted, first.verdict.reasons
    return made


def test_bad_ratings_are_refused_before_anything_is_trained(bench: Bench) -> None:
    runs = len(bench.tracker.runs)
    broken = replace(RATINGS, rating=np.where(RATINGS.user == 9, 7.0, RATINGS.rating))
    with pytest.raises(InvalidInput, match=r"ratings are not within 0\.5 and 5"):
        bench.train(broken)
    assert len(bench.tracker.runs) == runs


def test_ratings_without_sense_are_refused_by_the_gate(bench: Bench) -> None:
    """Each film is rated as often as ever, and by anybody: no single row is wrong."""
    mixed = np.random.default_rng(1).permutation(RATINGS.film)
    rows = replace(RATINGS, film=mixed)
    _, once = np.unique(rows.user * 10**6 + rows.film, return_index=True)
    champion = bench.registry.aliases(LINE)[CHAMPION]
    refused = bench.train(rows.take(once))
    assert not refused.promoted
    assert refused.verdict.reasons
    assert bench.registry.aliases(LINE)[CHAMPION] == champion
    last = bench.registry.history(LINE)[0]
    assert (last.action, last.release) == ("refused", refused.release.id)


def test_more_ratings_make_a_better_release_which_is_promoted(bench: Bench) -> None:
    better = bench.better
    assert better.promoted, better.verdict.reasons
    compared = next(one for one in better.verdict.metrics if one.rule.metric == "ndcg@10")
    assert compared.difference is not None
    assert compared.difference.mean > 0
    files = bench.champion()
    assert files is not None
    loaded = RecommenderLoader().load(better.release, files)
    profile = loaded.features.profile(4)
    assert profile is not None
    assert profile.rated == int((RATINGS.user == 4).sum())
    loaded.features.close()
    assert {"ndcg@10", "novelty", "diversity", "coverage@10"} <= set(better.release.metrics)
    assert bench.tracker.runs[-1].curves["validation ndcg@10"]
    # What batches read is there too.
    assert Prepared(bench.home / f"run-{bench.runs}" / "prepared").people.name.startswith(USER.name)


def test_the_same_ratings_make_the_same_release(bench: Bench) -> None:
    again = bench.train(RATINGS.take(np.random.default_rng(2).permutation(len(RATINGS))))
    assert again.promoted
    assert again.release.id == bench.better.release.id


def test_models_are_chosen_among_those_that_are_named() -> None:
    assert {one.family for one in recipes_of(Job(LINE, options=OPTIONS))} == {"ease"}
    assert len(recipes_of(Job(LINE))) > 4
    with pytest.raises(InvalidInput, match="there is no model oracle; there is als, ease"):
        recipes_of(Job(LINE, options={"models": "ease,oracle"}))


def test_without_data_it_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="groundwork train recommender --data FOLDER"):
        RecommenderTrainer(Settings(home=tmp_path)).data(Job(LINE), None)
