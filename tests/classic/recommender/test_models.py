"""Every model: one and many answers agree, its file brings it back, its reasons add up; EASE's two forms are one."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from groundwork.classic.recommender.arrays import pack, unpack
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.matrix import Vocabulary, matrix
from groundwork.classic.recommender.models import (
    FAMILIES,
    Als,
    Ease,
    Model,
    Neighbours,
    Popularity,
)
from groundwork.classic.recommender.models import ease as ease_module
from groundwork.classic.recommender.models.sparse import Rows, strongest
from groundwork.core.errors import ConfigurationError, InvalidInput


@cache
def rows() -> csr_matrix:
    ratings, _ = generate(Shape(users=70, films=120, per_user=25))
    return matrix(ratings, Vocabulary.of(ratings), "stars")


@cache
def fitted(name: str) -> Model:
    history = rows()
    if name == "popularity":
        return Popularity.fit(history)
    if name == "item-knn":
        return Neighbours.fit(history, k=15)
    if name == "als":
        return Als.fit(history, factors=8, iterations=4)
    return Ease.fit(history, penalty=20.0, dual=name == "ease dual")


NAMES = ("popularity", "item-knn", "als", "ease dual", "ease primal")
SEEN, WEIGHTS = np.array([3, 17, 40, 41]), np.array([1.0, 0.4, 0.8, 0.6], dtype=np.float32)


def as_row(films: int) -> csr_matrix:
    return csr_matrix((WEIGHTS, (np.zeros(len(SEEN), dtype=int), SEEN)), shape=(1, films))


@pytest.mark.parametrize("name", NAMES)
def test_one_and_many_agree(name: str) -> None:
    model = fitted(name)
    one, many = model.scores(SEEN, WEIGHTS), model.score_many(as_row(model.films))
    assert one.shape == (rows().shape[1],)
    np.testing.assert_allclose(one, many[0], rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_brings_it_back(name: str) -> None:
    model = fitted(name)
    raw = pack(model.arrays())
    assert raw == pack(model.arrays())
    again = FAMILIES[model.family].from_arrays(unpack(raw))
    np.testing.assert_allclose(
        again.scores(SEEN, WEIGHTS), model.scores(SEEN, WEIGHTS), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("name", ["item-knn", "als", "ease dual", "ease primal"])
def test_reasons_add_up_to_the_score(name: str) -> None:
    model = fitted(name)
    chosen = np.array([0, 17, 55, 90])
    terms = model.because(SEEN, WEIGHTS, chosen)
    assert terms.shape == (4, 4)
    scores = model.scores(SEEN, WEIGHTS)[chosen]
    np.testing.assert_allclose(terms.sum(axis=1), scores, rtol=2e-4, atol=1e-5)


def test_the_dual_form_of_ease_is_the_primal_one() -> None:
    dual, primal = fitted("ease dual"), fitted("ease primal")
    history = rows()[:20]
    np.testing.assert_allclose(
        dual.score_many(history), primal.score_many(history), rtol=1e-3, atol=1e-4
    )


def test_ease_is_the_closed_form() -> None:
    """Against the formula of the paper, written down plainly."""
    x = rows().toarray().astype(np.float64)
    p = np.linalg.inv(x.T @ x + 20.0 * np.eye(x.shape[1]))
    b = p / -np.diag(p)
    b[np.diag_indices(len(b))] = 0.0
    np.testing.assert_allclose(fitted("ease dual").score_many(rows()), x @ b, rtol=1e-3, atol=1e-4)


def test_ease_takes_the_cheaper_form() -> None:
    history = rows()
    assert history.shape[0] < history.shape[1]
    chosen = Ease.fit(history, penalty=20.0)
    assert chosen.dual is not None
    assert Ease.fit(history.T.tocsr(), penalty=20.0).dual is None


def test_many_people_are_answered_by_the_same_weights() -> None:
    """The dual form written down: 120 films are fewer than the 300 that are kept, so nothing is lost."""
    dual = fitted("ease dual")
    assert isinstance(dual, Ease)
    assert dual.dual is not None
    written = Ease(None, dual.dual.weights())
    np.testing.assert_allclose(
        written.score_many(rows()), dual.score_many(rows()), rtol=1e-3, atol=1e-4
    )


def test_ease_that_does_not_fit_says_so() -> None:
    many = ease_module.LARGEST + 1
    with pytest.raises(InvalidInput, match="leave out films"):
        Ease.fit(csr_matrix((many, many), dtype=np.float32), penalty=1.0)


def test_als_solves_for_people_as_the_library_does() -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    history = rows()
    model = Als.fit(history, factors=8, penalty=5.0, alpha=10.0, iterations=4)
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(factors=8, regularization=5.0, num_threads=1)
    library.item_factors = model.factors
    confidence = history[:5].copy()
    confidence.data = 1.0 + 10.0 * confidence.data
    people = library.recalculate_user(np.arange(5), confidence)
    np.testing.assert_allclose(
        model.score_many(history[:5]), people @ model.factors.T, rtol=1e-2, atol=1e-3
    )


def test_the_library_finds_the_same_neighbours() -> None:
    from implicit.nearest_neighbours import CosineRecommender

    seen = rows().copy()
    seen.data[:] = 1.0
    ours = Neighbours.fit(seen, k=120, shrink=0.0)
    theirs = CosineRecommender(K=120)
    with warnings.catch_warnings():
        # The library converts what it made itself.
        warnings.simplefilter("ignore")
        theirs.fit(seen, show_progress=False)
    similar = theirs.similarity.toarray()
    similar[np.diag_indices(len(similar))] = 0.0
    np.testing.assert_allclose(ours.near.scipy().toarray(), similar, atol=1e-4)


def test_the_strongest_are_kept() -> None:
    block = np.array([[0.1, -3.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.5]], dtype=np.float32)
    assert strongest(block, 2).toarray().tolist() == [[0, -3.0, 0, 2.0], [0, 0, 0, 0.5]]
    kept = Rows.of(strongest(block, 2))
    assert kept.sum(np.array([0, 1]), np.array([2.0, 4.0], np.float32)).tolist() == [0, -6, 0, 6]
    assert kept.sum(np.array([], dtype=int), np.array([], np.float32)).tolist() == [0, 0, 0, 0]


def test_what_is_no_file_of_arrays_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        unpack(b"no arrays")
