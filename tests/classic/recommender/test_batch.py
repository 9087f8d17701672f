"""Batches: everybody gets what a request would get; a run that was cut off goes on; no half file is ever there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from groundwork.classic.recommender.batch import (
    Job,
    predict_all,
    predict_release,
    read_histories,
    read_lists,
)
from groundwork.classic.recommender.features.compute import user_table
from groundwork.classic.recommender.features.online import MemoryFeatures
from groundwork.classic.recommender.recommend import Wish, recommend
from groundwork.classic.recommender.release import FEATURES, RANKER, load_ranker
from groundwork.core.errors import NotFound
from groundwork.core.progress import NoProgress
from groundwork.core.registry.memory import MemoryRegistry
from tests.classic.recommender.world import LINE, made, registered

ONE = made()
MODEL = load_ranker(Path(str(ONE.candidate.files[RANKER])).parent)


class CutOff(Exception):
    """The process was killed."""


class Cutting(NoProgress):
    """Raises after so many parts."""

    def __init__(self, parts: int) -> None:
        self.left = parts

    def advance(self, count: int = 1, note: str = "") -> None:
        self.left -= 1
        if self.left < 0:
            raise CutOff


@pytest.fixture
def job(tmp_path: Path) -> Job:
    features = Path(str(ONE.candidate.files[FEATURES]))
    return Job(features, ONE.candidate.id, tmp_path / "out.parquet", k=10, part=50)


def test_everybody_gets_what_a_request_would(job: Job) -> None:
    batch = predict_all(MODEL, job, NoProgress())
    lists = dict(read_lists(job.out))
    users = np.unique(ONE.ratings.user).tolist()
    assert sorted(lists) == users
    assert (batch.people, batch.rows, batch.resumed) == (len(users), 10 * len(users), 0)
    features = MemoryFeatures(user_table(ONE.ratings, ONE.films))
    for user in users[::20]:
        asked = recommend(MODEL, features.profile(user), (), Wish(k=10))
        assert lists[user] == [pick.film for pick in asked.picks]
    table = parquet.read_table(job.out).to_pydict()
    assert set(table["release"]) == {ONE.candidate.id}
    assert table["rank"][:10] == list(range(1, 11))


def test_a_run_that_was_cut_off_goes_on(job: Job) -> None:
    with pytest.raises(CutOff):
        predict_all(MODEL, job, Cutting(2))
    assert not job.out.exists()
    batch = predict_all(MODEL, job, NoProgress())
    assert batch.resumed == 3
    whole = job.out.read_bytes()
    assert predict_all(MODEL, job, NoProgress()).resumed == 0
    assert job.out.read_bytes() == whole
    assert [path.name for path in job.out.parent.iterdir() if "out" in path.name] == ["out.parquet"]


def test_parts_of_another_release_are_not_used(job: Job) -> None:
    with pytest.raises(CutOff):
        predict_all(MODEL, job, Cutting(2))
    other = Job(job.features, "rel-other", job.out, k=10, part=50)
    assert predict_all(MODEL, other, NoProgress()).resumed == 0
    assert set(parquet.read_table(job.out).to_pydict()["release"]) == {"rel-other"}


def test_without_features_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="groundwork train recommender"):
        read_histories(tmp_path / "missing.db")


def test_a_release_of_the_registry_is_all_it_needs(tmp_path: Path, job: Job) -> None:
    registry = MemoryRegistry()
    registered(registry)
    out = tmp_path / "lists.parquet"
    batch = predict_release(registry, LINE, "champion", out, NoProgress(), k=10)
    predict_all(MODEL, job, NoProgress())
    assert batch.rows == 10 * batch.people
    assert parquet.read_table(out).equals(parquet.read_table(job.out))
