"""Checks on arrival: each kind of bad data is stopped by its own finding, and good data by none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from groundwork.classic.recommender.check import check
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.profile import Profile, profile_of
from groundwork.classic.recommender.ratings import Ratings
from groundwork.core.errors import InvalidInput

SHAPE = Shape(users=60, films=150, per_user=30)
RATINGS, FILMS = generate(SHAPE)
NOW = int(RATINGS.at.max()) + 60


def changed(column: str, value: float, rows: slice = slice(3, 7)) -> Ratings:
    array = getattr(RATINGS, column).copy()
    array[rows] = value
    return replace(RATINGS, **{column: array})


def test_good_ratings_pass() -> None:
    report = check(RATINGS, FILMS, now=NOW, before=profile_of(RATINGS))
    assert report.passed
    report.require()


BAD: dict[str, Callable[[], Ratings]] = {
    "ids": lambda: changed("user", 0),
    "range": lambda: changed("rating", 11.0),
    "steps": lambda: changed("rating", 3.25),
    "too-early": lambda: changed("at", 1_000),
    "in-future": lambda: changed("at", NOW + 10 * 86_400),
    "duplicates": lambda: Ratings.joined([RATINGS, RATINGS.take(np.arange(4))]),
    "catalogue": lambda: changed("film", 10**6, slice(0, len(RATINGS) // 10)),
    "sameness": lambda: changed("rating", 5.0, slice(None)),
    "order": lambda: changed("at", 1_500_000_000, slice(None)),
    "few-ratings": lambda: RATINGS.take(np.arange(100)),
    "few-users": lambda: RATINGS.take(RATINGS.user < 10),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_ratings_are_stopped_with_the_reason(name: str) -> None:
    report = check(BAD[name](), FILMS, now=NOW)
    fatal = [finding.check for finding in report.findings if finding.fatal]
    assert name in fatal
    with pytest.raises(InvalidInput, match="these ratings are refused: ") as told:
        report.require()
    assert told.value.field == "data"
    assert str(next(one for one in report.findings if one.check == name)) in told.value.detail


def test_a_nan_is_out_of_range() -> None:
    report = check(changed("rating", float("nan")), FILMS, now=NOW)
    assert [one.count for one in report.findings if one.check == "range"] == [4]


def test_rows_are_named() -> None:
    finding = next(
        one for one in check(changed("rating", 11.0), FILMS, now=NOW).findings if one.fatal
    )
    assert finding.count == 4
    assert finding.examples[0].startswith(f"row 4: user {RATINGS.user[3]}, film {RATINGS.film[3]}")


def test_a_few_unknown_films_are_told_and_let_in() -> None:
    report = check(changed("film", 10**6, slice(0, 1)), FILMS, now=NOW)
    assert report.passed
    assert [one.check for one in report.findings] == ["catalogue"]


def compared(ratings: Ratings) -> list[str]:
    report = check(ratings, FILMS, now=NOW, before=profile_of(RATINGS))
    return [one.check for one in report.findings if one.fatal]


def test_a_set_that_shrank_is_stopped() -> None:
    assert compared(RATINGS.take(RATINGS.user % 5 < 2)) == ["shrunk"]


def test_stars_that_moved_are_stopped() -> None:
    assert compared(replace(RATINGS, rating=(5.5 - RATINGS.rating).astype(np.float32))) == [
        "stars-moved"
    ]


def test_film_ids_that_were_mixed_up_are_stopped() -> None:
    mixed = np.random.default_rng(3).permutation(FILMS.ids)
    assert compared(replace(RATINGS, film=mixed[RATINGS.film - 1])) == ["films-moved"]


def test_a_set_that_grew_is_let_in() -> None:
    half = RATINGS.take(RATINGS.user % 2 == 0)
    report = check(RATINGS, FILMS, now=NOW, before=profile_of(half))
    assert report.passed, report.findings


def test_a_profile_survives_its_file() -> None:
    profile = profile_of(RATINGS)
    assert Profile.from_json(profile.to_json()) == profile
    with pytest.raises(InvalidInput):
        Profile.from_json(b"{}")
