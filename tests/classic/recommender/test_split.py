"""Splits: nobody is in two parts, nothing of the future is shown, and a person's part never changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.classic.recommender.ratings import LIKED, Ratings
from groundwork.classic.recommender.split import (
    FEWEST,
    Holdout,
    fold,
    held_out,
    latest,
    leave_last_out,
    shuffled,
    temporal,
    temporal_holdout,
)


@st.composite
def some_ratings(draw: st.DrawFn) -> Ratings:
    pairs = draw(
        st.lists(
            st.tuples(st.integers(1, 8), st.integers(1, 15)), min_size=1, max_size=80, unique=True
        )
    )
    count = len(pairs)
    stars = draw(st.lists(st.integers(1, 10), min_size=count, max_size=count))
    at = draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    return Ratings(
        np.array([user for user, _ in pairs], dtype=np.int64),
        np.array([film for _, film in pairs], dtype=np.int64),
        (np.array(stars) / 2).astype(np.float32),
        np.array(at, dtype=np.int64) + 10**9,
    )


def rows(ratings: Ratings) -> set[tuple[int, int]]:
    return set(zip(ratings.user.tolist(), ratings.film.tolist(), strict=True))


def sound(holdout: Holdout) -> None:
    assert not rows(holdout.history) & rows(holdout.targets)
    users = set(holdout.users.tolist())
    assert set(holdout.history.user.tolist()) == users == set(holdout.targets.user.tolist())


@given(some_ratings())
@settings(max_examples=60, deadline=None)
def test_what_is_asked_is_liked_and_later_than_what_is_shown(ratings: Ratings) -> None:
    for holdout in (latest(ratings), leave_last_out(ratings)):
        sound(holdout)
        assert (holdout.targets.rating >= LIKED).all()
        for user in holdout.users:
            shown = holdout.history.at[holdout.history.user == user]
            asked = holdout.targets.at[holdout.targets.user == user]
            assert shown.max() <= asked.min()


@given(some_ratings())
@settings(max_examples=60, deadline=None)
def test_the_last_one_left_out_is_the_last_that_was_liked(ratings: Ratings) -> None:
    holdout = leave_last_out(ratings)
    assert len(holdout.targets) == len(holdout.users)
    for user, film, at in zip(
        holdout.targets.user, holdout.targets.film, holdout.targets.at, strict=True
    ):
        liked = ratings.take((ratings.user == user) & (ratings.rating >= LIKED))
        assert (at, film) == max(zip(liked.at.tolist(), liked.film.tolist(), strict=True))


@given(some_ratings())
@settings(max_examples=60, deadline=None)
def test_a_cut_in_time_shows_nothing_of_later(ratings: Ratings) -> None:
    early, late = temporal(ratings, 0.3)
    assert rows(early) | rows(late) == rows(ratings)
    if len(early) and len(late):
        assert early.at.max() < late.at.min()
    kept, holdout = temporal_holdout(ratings, 0.3)
    sound(holdout)
    assert rows(holdout.history) <= rows(kept)


@given(some_ratings(), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_a_random_part_is_asked_of_everybody(ratings: Ratings, seed: int) -> None:
    holdout = shuffled(ratings, 0.2, seed)
    sound(holdout)
    for user in holdout.users:
        total = int((ratings.user == user).sum())
        assert int((holdout.targets.user == user).sum()) == int(0.2 * total)


def test_few_ratings_are_not_measured() -> None:
    user = np.repeat([1, 2], [FEWEST - 1, FEWEST])
    count = len(user)
    made = Ratings(user, np.arange(1, count + 1), np.full(count, 5, np.float32), np.arange(count))
    assert latest(made).users.tolist() == [2]


def test_who_is_set_apart_depends_on_the_id_alone() -> None:
    users = np.arange(1, 5001)
    away = held_out(users)
    assert 0.18 < away.mean() < 0.22
    some = np.array([4711, 3, 3, 17])
    assert held_out(some).tolist() == away[some - 1].tolist()
    parts = fold(users, 4)
    assert np.bincount(parts, minlength=4).min() > 1100
    # Being set apart says nothing of the part.
    assert 0.15 < away[parts == 0].mean() < 0.25
