"""Item-kNN: films that the same people saw. Cosine with shrinkage, the nearest `k` of each film (Sarwar et al. 2001)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from groundwork.classic.recommender.models.base import Model
from groundwork.classic.recommender.models.sparse import Rows, strongest

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.base import Floats, Places

_BLOCK = 1024


class Neighbours(Model):
    """`near` holds, in the row of a film, the films that name it among their nearest, with the similarity."""

    family = "item-knn"

    def __init__(self, near: Rows) -> None:
        self.near = near

    @classmethod
    def fit(cls, history: csr_matrix, *, k: int = 100, shrink: float = 10.0) -> Neighbours:
        """Of (people, films). Memory is films times k, and a block of films times films while it works."""
        import numpy as np
        from scipy.sparse import vstack

        films = history.shape[1]
        columns = history.T.tocsr()
        norm = np.sqrt(np.asarray(columns.multiply(columns).sum(axis=1)).ravel())
        parts = []
        for start in range(0, films, _BLOCK):
            end = min(start + _BLOCK, films)
            dots = np.asarray((columns[start:end] @ history).todense(), dtype=np.float32)
            dots /= (norm[start:end, None] * norm[None, :] + shrink).astype(np.float32)
            dots[np.arange(end - start), np.arange(start, end)] = 0.0
            parts.append(strongest(dots, k))
        return cls(Rows.of(vstack(parts).T.tocsr()))

    @property
    def films(self) -> int:
        """How many films it knows."""
        return self.near.width

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """The sum of similarities to what was seen."""
        return self.near.sum(seen, weights)

    def score_many(self, history: csr_matrix) -> Floats:
        """The same for each row."""
        import numpy as np

        return np.asarray((history @ self.near.scipy()).todense(), dtype=np.float32)

    def because(self, seen: Places, weights: Floats, chosen: Places) -> Floats:
        """The similarities themselves."""
        return self.near.block(seen, chosen).T * weights[None, :]

    def arrays(self) -> Mapping[str, Any]:
        """The similarities."""
        return self.near.arrays("near")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        return cls(Rows.from_arrays("near", arrays))
