"""Measures of lists, against figures done by hand and a plain computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from groundwork.classic.recommender import metrics


def test_by_hand() -> None:
    found = np.array([[True, False, True, False]])
    amount = np.array([3])
    gained = 1 + 1 / math.log2(4)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg(found, amount, 4)[0] == pytest.approx(gained / ideal)
    assert metrics.ndcg(found, amount, 1)[0] == 1.0
    assert metrics.recall(found, amount, 4)[0] == pytest.approx(2 / 3)
    assert metrics.recall(found, amount, 2)[0] == pytest.approx(1 / 2)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5), st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_they_are_shares(found: list[bool], more: int, k: int) -> None:
    amount = np.array([max(1, sum(found) + more)])
    row = np.array([found])
    for value in (metrics.ndcg(row, amount, k)[0], metrics.recall(row, amount, k)[0]):
        assert 0.0 <= value <= 1.0 + 1e-12
    perfect = np.arange(len(found)) < amount[0]
    if len(found) >= k:
        assert metrics.ndcg(perfect[None, :], amount, k)[0] == pytest.approx(1.0)
        assert metrics.recall(perfect[None, :], amount, k)[0] == pytest.approx(1.0)


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_best_are_the_best_and_ties_go_by_position(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, size=(3, 10)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    lists = metrics.best(scores, k)
    for row, listed in zip(scores, lists, strict=True):
        ranked = [n for n in sorted(range(10), key=lambda n: (-row[n], n)) if np.isfinite(row[n])]
        assert [n for n in listed if n >= 0] == ranked[:k]


def test_hits() -> None:
    targets = csr_matrix(np.array([[0, 1, 0, 1], [1, 0, 0, 0]], dtype=np.float32))
    lists = np.array([[3, 0, 1], [1, 0, -1]])
    assert metrics.hits(lists, targets).tolist() == [[True, False, True], [False, True, False]]


def test_beyond_accuracy() -> None:
    genres = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    alike, apart, short = np.array([[0, 1]]), np.array([[0, 2]]), np.array([[0, -1]])
    assert metrics.diversity(alike, genres)[0] == pytest.approx(0.0)
    assert metrics.diversity(apart, genres)[0] == pytest.approx(1.0)
    assert metrics.novelty(short, np.array([0.25, 1, 1], dtype=np.float32))[0] == pytest.approx(2.0)
    assert metrics.coverage(np.array([[0, 2], [0, -1]]), 4) == 0.5
    taste = np.array([[0.5, 0.5]], dtype=np.float32)
    assert metrics.miscalibration(apart, genres, taste)[0] == pytest.approx(0.0, abs=1e-6)
    assert metrics.miscalibration(alike, genres, taste)[0] > 1.0
