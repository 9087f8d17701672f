"""Rankers: cold films and people, priors, choosing; and what a request is answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from groundwork.classic.recommender.choose import Choice, choose, newcomers
from groundwork.classic.recommender.evaluate import (
    BEATS_POPULARITY,
    NDCG_10,
    NDCG_100,
    measure,
)
from groundwork.classic.recommender.fit import Recipe, fit_ranker
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.recommend import Wish, recommend
from groundwork.classic.recommender.train import apart, measured_on
from groundwork.core.errors import ConfigurationError, InvalidInput

RATINGS, FILMS = generate(Shape(users=200, films=300, per_user=40))
EASE, POPULARITY = Recipe("ease", "liked", {"penalty": 30.0}), Recipe("popularity", "liked")
KEPT, HOLDOUT = apart(RATINGS)
RANKER = fit_ranker(EASE, KEPT, FILMS, prior=0.03, seed=7)


def liked_by(user: int, ratings: Ratings = RATINGS) -> list[tuple[int, float]]:
    rows = ratings.take(ratings.user == user)
    return list(zip(rows.film.tolist(), rows.rating.tolist(), strict=True))


def test_a_model_that_learned_beats_popularity() -> None:
    popular = measure(fit_ranker(POPULARITY, KEPT, FILMS, prior=0.0, seed=7), HOLDOUT, FILMS)
    found = measure(RANKER, HOLDOUT, FILMS)
    assert found.mean(NDCG_100) > 1.2 * popular.mean(NDCG_100)
    measured = measured_on(RANKER, RATINGS, FILMS, "x", 7)
    beats = [row[BEATS_POPULARITY] or 0.0 for row in measured.examples.values()]
    assert sum(beats) / len(beats) > 0.6
    assert set(measured.sources) == {f"user/{user}" for user in HOLDOUT.users}


def test_measured_alone_or_together_a_person_has_the_same_figures() -> None:
    together = measure(RANKER, HOLDOUT, FILMS)
    one = int(HOLDOUT.users[3])
    alone = replace(
        HOLDOUT,
        users=np.array([one]),
        history=HOLDOUT.history.take(HOLDOUT.history.user == one),
        targets=HOLDOUT.targets.take(HOLDOUT.targets.user == one),
    )
    for metric, values in measure(RANKER, alone, FILMS).values.items():
        assert values[0] == pytest.approx(together.values[metric][3])


def test_figures_by_group_and_with_intervals() -> None:
    shown = measure(RANKER, HOLDOUT, FILMS).to_dict()
    mean, low, high = shown["all"][NDCG_10]
    assert low < mean < high
    assert sum(shown["groups"][name]["people"] for name in shown["groups"] if "ratings" in name or name[0] in "12") == shown["people"]  # fmt: skip
    assert {"novelty", "diversity", "miscalibration"} <= set(shown["all"])


def test_validation_chooses_what_is_better() -> None:
    choice: Choice = choose(KEPT, FILMS, recipes=(POPULARITY, EASE))
    assert choice.recipe == EASE
    assert [one.recipe for one in choice.tried] == [EASE, POPULARITY]


def test_newcomers_have_their_latest_ratings() -> None:
    one = newcomers(HOLDOUT, 3)
    assert np.bincount(one.history.user).max() == 3
    user = int(one.users[0])
    own = HOLDOUT.history.take(HOLDOUT.history.user == user).in_order()
    assert one.history.film[one.history.user == user].tolist() == own.film[-3:].tolist()


def without(films: np.ndarray) -> Ranker:
    rest = KEPT.take(~np.isin(KEPT.film, films))
    return fit_ranker(EASE, rest, FILMS, prior=0.03, seed=7)


def test_a_film_without_ratings_is_recommended_where_films_like_it_are() -> None:
    popular = np.argsort(-np.bincount(KEPT.film, minlength=301))[:40]
    hidden = popular[::4]
    ranker = without(hidden)
    found = recommend(ranker, None, liked_by(1), Wish(k=100))
    cold = [pick for pick in found.picks if pick.cold]
    assert {pick.film for pick in cold} <= set(hidden.tolist()) | set(
        np.setdiff1d(FILMS.ids, KEPT.film).tolist()
    )
    # Among the hidden, those that a person went on to like are scored above the others.
    better = []
    for user in HOLDOUT.users:
        scores = ranker.scores(*(np.array(one) for one in zip(*liked_by(int(user)), strict=True)))
        places = np.searchsorted(FILMS.ids, hidden)
        liked = np.isin(hidden, RATINGS.film[RATINGS.user == user])
        if liked.any() and not liked.all():
            better.append(scores[places][liked].mean() - scores[places][~liked].mean())
    assert np.mean(better) > 0


def test_nobody_is_too_new_for_an_answer() -> None:
    nothing = recommend(RANKER, None, (), Wish(k=5))
    unknown = recommend(RANKER, None, [(10**9, 5.0)], Wish(k=5))
    assert nothing.basis == unknown.basis == "popular"
    assert [pick.film for pick in nothing.picks] == [pick.film for pick in unknown.picks]
    shares = [RANKER.share_of_film[pick.film - 1] for pick in nothing.picks]
    assert shares == sorted(shares, reverse=True)


def test_reasons_are_films_that_were_rated_and_their_shares() -> None:
    history = liked_by(1)
    for pick in recommend(RANKER, None, history, Wish(k=5, explain=True)).picks:
        assert 1 <= len(pick.because) <= 3
        assert {one.film for one in pick.because} <= {film for film, _ in history}
        shares = [one.share for one in pick.because]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.0001


def test_a_filter_that_leaves_nothing_leaves_nothing() -> None:
    assert recommend(RANKER, None, liked_by(1), Wish(year_from=2199)).picks == ()


@pytest.mark.parametrize(
    "options", [{"genres": ("Opera",)}, {"without": ("",)}, {"year_from": 2000, "year_to": 1999}]
)
def test_a_wish_that_cannot_be_is_refused(options: dict[str, tuple[str, ...] | int]) -> None:
    with pytest.raises(InvalidInput):
        Wish(**options)  # type: ignore[arg-type]  # any of them


def test_a_ranker_survives_its_file() -> None:
    raw = RANKER.to_bytes()
    again = Ranker.from_bytes(raw)
    assert again.to_bytes() == raw
    films, stars = (np.array(one) for one in zip(*liked_by(1), strict=True))
    np.testing.assert_allclose(again.scores(films, stars), RANKER.scores(films, stars), atol=1e-6)
    with pytest.raises(ConfigurationError):
        Ranker.from_bytes(raw[:100])


def test_one_and_many_agree_over_the_whole_catalogue() -> None:
    users = HOLDOUT.users[:5]
    many = RANKER.score_many(HOLDOUT.history, users)
    for n, user in enumerate(users):
        own = HOLDOUT.history.take(HOLDOUT.history.user == user)
        np.testing.assert_allclose(many[n], RANKER.scores(own.film, own.rating), atol=1e-5)


def test_the_catalogue_survives_odd_titles() -> None:
    films = Films(np.array([1, 2]), ("A\n\tB", ""), np.zeros(2, np.int16), np.zeros(2, np.uint32))
    assert Films.from_arrays(films.arrays()).titles == ("A B", "")
