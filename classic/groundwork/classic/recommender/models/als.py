"""Implicit ALS: factors of films, fitted by the library implicit; a person's factors are solved for when they ask.

Hu, Koren and Volinsky 2008: an entry r counts with confidence 1 + αr, and a person's factors are
(YᵀY + λI + Yᵀ(C - I)Y)⁻¹ YᵀC p with p = 1 for what was seen. That needs what was seen and nothing else, so that people who
were never trained on are answered alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from groundwork.classic.recommender.models.base import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.base import Floats, Places


class Als(Model):
    """`factors` (films, k); `gram` (k, k) is YᵀY + λI."""

    family = "als"

    def __init__(self, factors: Floats, penalty: float, alpha: float) -> None:
        import numpy as np

        self.factors, self.penalty, self.alpha = factors, penalty, alpha
        self.gram: NDArray[np.float64] = factors.T.astype(np.float64) @ factors + penalty * np.eye(
            factors.shape[1]
        )

    @classmethod
    def fit(
        cls,
        history: csr_matrix,
        *,
        factors: int = 64,
        penalty: float = 10.0,
        alpha: float = 10.0,
        iterations: int = 15,
        seed: int = 7,
    ) -> Als:
        """Of (people, films)."""
        import numpy as np
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        # The library's threads and BLAS's get into each other's way; it warns of it.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=factors,
                regularization=penalty,
                iterations=iterations,
                num_threads=1,
                random_state=seed,
                calculate_training_loss=False,
            )
            # The library takes confidences as they are, and has no 1 of its own to add.
            confidence = history.copy()
            confidence.data = 1.0 + alpha * confidence.data
            model.fit(confidence, show_progress=False)
        return cls(np.asarray(model.item_factors, dtype=np.float32), penalty, alpha)

    @property
    def films(self) -> int:
        """How many films it knows."""
        return len(self.factors)

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """Films' factors times the person's."""
        import numpy as np

        person = np.linalg.solve(self._system(seen, weights), self._seen(seen, weights).sum(axis=1))
        found: Floats = self.factors @ person.astype(np.float32)
        return found

    def score_many(self, history: csr_matrix) -> Floats:
        """The same for each row."""
        import numpy as np

        people = np.zeros((history.shape[0], self.factors.shape[1]), dtype=np.float32)
        for n in range(history.shape[0]):
            begin, end = history.indptr[n], history.indptr[n + 1]
            seen, weights = history.indices[begin:end], history.data[begin:end]
            if len(seen):
                total = self._seen(seen, weights).sum(axis=1)
                people[n] = np.linalg.solve(self._system(seen, weights), total)
        found: Floats = people @ self.factors.T
        return found

    def because(self, seen: Places, weights: Floats, chosen: Places) -> Floats:
        """The score as a sum over what was seen: y_jᵀ W y_i c_i (section 5 of the paper)."""
        import numpy as np

        solved = np.linalg.solve(self._system(seen, weights), self._seen(seen, weights))
        terms: Floats = (self.factors[chosen] @ solved).astype(np.float32)
        return terms

    def _system(self, seen: Places, weights: Floats) -> NDArray[np.float64]:
        rows = self.factors[seen]
        system: NDArray[np.float64] = self.gram + (rows.T * (self.alpha * weights)) @ rows
        return system

    def _seen(self, seen: Places, weights: Floats) -> NDArray[np.float64]:
        """(k, seen): each film's factors times its confidence."""
        scaled: NDArray[np.float64] = self.factors[seen].T * (1.0 + self.alpha * weights)
        return scaled

    def arrays(self) -> Mapping[str, Any]:
        """Factors and the two numbers."""
        import numpy as np

        return {"factors": self.factors, "numbers": np.array([self.penalty, self.alpha])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        return cls(arrays["factors"], *(float(number) for number in arrays["numbers"]))
