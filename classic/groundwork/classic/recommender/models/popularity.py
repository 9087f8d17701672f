"""The same films for everybody: those that most people liked. What every other model has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from groundwork.classic.recommender.models.base import Model

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.base import Floats, Places


class Popularity(Model):
    """Counts of the matrix's columns, as shares of its rows."""

    family = "popularity"

    def __init__(self, share: Floats) -> None:
        self.share = share

    @classmethod
    def fit(cls, history: csr_matrix) -> Popularity:
        """Of (people, films)."""
        import numpy as np

        total = np.asarray(history.sum(axis=0), dtype=np.float32).ravel()
        return cls(total / np.float32(max(1, history.shape[0])))

    @property
    def films(self) -> int:
        """How many films it knows."""
        return len(self.share)

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """The shares, whoever asks."""
        del seen, weights
        return self.share

    def score_many(self, history: csr_matrix) -> Floats:
        """The shares, for each row."""
        import numpy as np

        return np.repeat(self.share[None, :], history.shape[0], axis=0)

    def arrays(self) -> Mapping[str, Any]:
        """The shares."""
        return {"share": self.share}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        return cls(arrays["share"])
