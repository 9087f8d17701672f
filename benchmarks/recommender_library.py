"""The same models by well-known libraries, behind the product's own way of asking a model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Weights:
    """A (films, films) matrix: a person's row times it are the scores."""

    matrix: Any

    def score_many(self, history: csr_matrix) -> NDArray[np.float32]:
        """(people, films)."""
        product = history @ self.matrix
        dense = product.toarray() if hasattr(product, "toarray") else product
        return np.asarray(dense, dtype=np.float32)


@dataclass(frozen=True)
class Factors:
    """implicit's own model, which solves for people's factors itself."""

    model: Any
    alpha: float

    def score_many(self, history: csr_matrix) -> NDArray[np.float32]:
        """(people, films)."""
        confidence = history.copy()
        confidence.data = 1.0 + self.alpha * confidence.data
        people = self.model.recalculate_user(np.arange(history.shape[0]), confidence)
        return np.asarray(people @ self.model.item_factors.T, dtype=np.float32)


def cosine(rows: csr_matrix) -> Weights:
    """Implicit's CosineRecommender."""
    from implicit.nearest_neighbours import CosineRecommender

    return _neighbours(CosineRecommender(K=100, num_threads=1), rows)


def bm25(rows: csr_matrix) -> Weights:
    """Implicit's BM25Recommender."""
    from implicit.nearest_neighbours import BM25Recommender

    return _neighbours(BM25Recommender(K=100, K1=1.2, B=0.5, num_threads=1), rows)


def als(rows: csr_matrix) -> Factors:
    """Implicit's ALS from end to end, with the parameters of the product's."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=64, regularization=50.0, iterations=15, num_threads=1, random_state=7
        )
        confidence = rows.copy()
        confidence.data = 1.0 + 20.0 * confidence.data
        model.fit(confidence, show_progress=False)
    return Factors(model, 20.0)


def ease(rows: csr_matrix) -> Weights:
    """The lines of the paper's appendix, in numpy: the inverse of (films, films)."""
    penalty = 500.0 if rows.shape[0] > 50_000 else 100.0
    gram = np.asarray((rows.T @ rows).todense(), dtype=np.float64)
    gram[np.diag_indices(len(gram))] += penalty
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    return Weights(weights.astype(np.float32))


def _neighbours(model: Any, rows: csr_matrix) -> Weights:
    with warnings.catch_warnings():
        # The library converts what it made itself.
        warnings.simplefilter("ignore")
        model.fit(rows, show_progress=False)
    similar = model.similarity.tolil()
    similar.setdiag(0)
    return Weights(similar.tocsr())


LIBRARY: dict[str, Callable[[csr_matrix], Any]] = {
    "implicit: Cosine, K 100": cosine,
    "implicit: BM25, K 100": bm25,
    "implicit: ALS": als,
    "EASE as published (numpy, one split)": ease,
}
SLOW = frozenset({"EASE as published (numpy, one split)"})
