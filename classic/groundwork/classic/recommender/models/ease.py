"""EASE: a linear model of each film by all others, in closed form (Steck 2019, "Embarrassingly Shallow Autoencoders").

With P = (XᵀX + λI)⁻¹ the weights are B = I - P / diag(P), so that nothing speaks for itself. Where people are fewer than
films, Woodbury's identity P = (I - Xᵀ(XXᵀ + λI)⁻¹X) / λ needs the inverse of a (people, people) matrix only, and B is never
written down: answering goes through X and that inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from groundwork.classic.recommender.models.base import Model
from groundwork.classic.recommender.models.sparse import Rows, strongest
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.base import Floats, Places

# B of more films is kept by its strongest entries only: 20,000 films would be 1.6 GB.
_DENSE_FILMS = 5000
_KEPT = 300
# What the inverse may be: 24,000 squared in float64 are 4.6 GB.
LARGEST = 24_000
# Up to so many people the dual form answers; beyond, the weights are written down, the strongest of each film.
DUAL_PEOPLE = 2000
_BLOCK = 2048


class Ease(Model):
    """Either `dual` (people, and how the service goes through them) or `weights` (B, sparse or dense)."""

    family = "ease"

    def __init__(self, dual: Dual | None, weights: Rows | NDArray[np.float32] | None) -> None:
        self.dual = dual
        self.weights = weights

    @classmethod
    def fit(cls, history: csr_matrix, *, penalty: float, dual: bool | None = None) -> Ease:
        """Of (people, films); `penalty` is λ. The dual form is chosen where people are fewer, unless told.

        Raises InvalidInput where neither form fits into memory.
        """
        people, films = history.shape
        if dual is None:
            dual = people < films
        size = people if dual else films
        if size > LARGEST:
            raise InvalidInput(
                f"EASE would invert a matrix of {size} rows, more than {LARGEST}; leave out films that few have rated",
                field="films",
            )
        if dual:
            form = Dual.fit(history, penalty)
            # Answering through the people reads the whole inverse: 16 MB for two thousand of them.
            return cls(form, None) if people <= DUAL_PEOPLE else cls(None, form.weights())
        return cls(None, _primal(history, penalty))

    @property
    def films(self) -> int:
        """How many films it knows."""
        if self.dual is not None:
            return len(self.dual.scale)
        return self._wide().shape[1] if not isinstance(self.weights, Rows) else self.weights.width

    def _wide(self) -> Any:
        return self.weights

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """The row times B."""
        if self.dual is not None:
            return self.dual.scores(seen, weights)
        if isinstance(self.weights, Rows):
            return self.weights.sum(seen, weights)
        product: Floats = weights @ self._wide()[seen]
        return product

    def score_many(self, history: csr_matrix) -> Floats:
        """The same for each row."""
        import numpy as np

        if self.dual is not None:
            return self.dual.score_many(history)
        if isinstance(self.weights, Rows):
            return np.asarray((history @ self.weights.scipy()).todense(), dtype=np.float32)
        return np.asarray(history @ self._wide(), dtype=np.float32)

    def because(self, seen: Places, weights: Floats, chosen: Places) -> Floats:
        """The terms of the sum."""
        if self.dual is not None:
            return self.dual.because(seen, weights, chosen)
        block = (
            self.weights.block(seen, chosen)
            if isinstance(self.weights, Rows)
            else self._wide()[seen][:, chosen]
        )
        terms: Floats = block.T * weights[None, :]
        return terms

    def arrays(self) -> Mapping[str, Any]:
        """Of the form that was fitted."""
        if self.dual is not None:
            return self.dual.arrays()
        if isinstance(self.weights, Rows):
            return self.weights.arrays("weights")
        return {"dense": self._wide()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        if "dense" in arrays:
            return cls(None, arrays["dense"])
        if "weights.begin" in arrays:
            return cls(None, Rows.from_arrays("weights", arrays))
        return cls(Dual.from_arrays(arrays), None)


class Dual:
    """B by way of the people it was fitted on.

    `people` is X, `raters` is Xᵀ, `inverse` (people, people) is (XXᵀ + λI)⁻¹ and `scale[j]` is 1 / (λ P_jj).
    """

    def __init__(self, people: Rows, raters: Rows, inverse: Floats, scale: Floats) -> None:
        self.people, self.raters, self.inverse, self.scale = people, raters, inverse, scale

    @classmethod
    def fit(cls, history: csr_matrix, penalty: float) -> Dual:
        """Of (people, films)."""
        import numpy as np
        from scipy.linalg import cho_factor, cho_solve

        people = history.shape[0]
        gram = np.asarray((history @ history.T).todense(), dtype=np.float64)
        gram[np.diag_indices(people)] += penalty
        inverse = cho_solve(cho_factor(gram, overwrite_a=True), np.eye(people), overwrite_b=True)
        scale = np.empty(history.shape[1])
        columns = history.tocsc()
        for start in range(0, history.shape[1], _BLOCK):
            block = columns[:, start : start + _BLOCK].toarray().astype(np.float64)
            scale[start : start + _BLOCK] = 1.0 / (1.0 - (block * (inverse @ block)).sum(axis=0))
        return cls(
            Rows.of(history),
            Rows.of(history.T.tocsr()),
            inverse.astype(np.float32),
            scale.astype(np.float32),
        )

    def weights(self) -> Rows:
        """B's strongest entries of each film, from the inverse that is there: no (films, films) matrix is inverted."""
        import numpy as np
        from scipy.sparse import vstack

        people = self.people.scipy()
        raters = people.T.tocsr()
        films = len(self.scale)
        parts = []
        for start in range(0, films, _BLOCK):
            end = min(start + _BLOCK, films)
            # (films, people) times (people, block): each column is what speaks for one film.
            through = self.inverse @ people[:, start:end].toarray()
            block = np.asarray(raters @ through) * self.scale[start:end]
            block[np.arange(start, end), np.arange(end - start)] = 0.0
            parts.append(strongest(np.ascontiguousarray(block.T, dtype=np.float32), _KEPT))
        return Rows.of(vstack(parts).T.tocsr())

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """The row times B: x (1 - s) + s (x Xᵀ K X), with K the inverse and s the scale."""
        import numpy as np

        shared = self.raters.sum(seen, weights)
        through = self.inverse @ shared
        everybody = np.arange(len(through))
        found = self.scale * self.people.sum(everybody, through)
        found[seen] += weights * (1.0 - self.scale[seen])
        return found

    def score_many(self, history: csr_matrix) -> Floats:
        """The same for each row."""
        import numpy as np

        people = self.people.scipy()
        through = np.asarray((history @ people.T).todense(), dtype=np.float32) @ self.inverse
        found = np.asarray(through @ people, dtype=np.float32) * self.scale
        rows, columns = history.nonzero()
        found[rows, columns] += history.data * (1.0 - self.scale[columns])
        return found

    def because(self, seen: Places, weights: Floats, chosen: Places) -> Floats:
        """x_i B_ij = x_i s_j (X_iᵀ K X_j); 0 where a film stands for itself."""
        import numpy as np

        everybody = np.arange(len(self.inverse))
        liked = self.raters.block(seen, everybody)
        wanted = self.raters.block(chosen, everybody)
        terms = (wanted @ self.inverse) @ liked.T
        terms *= self.scale[chosen][:, None] * weights[None, :]
        terms[chosen[:, None] == seen[None, :]] = 0.0
        return terms.astype(np.float32)

    def arrays(self) -> Mapping[str, Any]:
        """X, the inverse and the scale; Xᵀ is made again from X."""
        return {**self.people.arrays("people"), "inverse": self.inverse, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Dual:
        """Back from `arrays`."""
        people = Rows.from_arrays("people", arrays)
        return cls(people, transposed(people), arrays["inverse"], arrays["scale"])


def transposed(rows: Rows) -> Rows:
    """The same entries by column, without scipy."""
    import numpy as np

    height = len(rows.begin) - 1
    order = np.argsort(rows.column, kind="stable")
    row = np.repeat(np.arange(height, dtype=np.int32), np.diff(rows.begin))[order]
    counts = np.bincount(rows.column, minlength=rows.width)
    begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Rows(begin, row, rows.value[order], height)


def _primal(history: csr_matrix, penalty: float) -> Rows | NDArray[np.float32]:
    import numpy as np
    from scipy.linalg import cho_factor, cho_solve
    from scipy.sparse import vstack

    films = history.shape[1]
    gram = np.asarray((history.T @ history).todense(), dtype=np.float64)
    gram[np.diag_indices(films)] += penalty
    inverse = cho_solve(cho_factor(gram, overwrite_a=True), np.eye(films), overwrite_b=True)
    inverse /= -np.diag(inverse)[None, :]
    inverse[np.diag_indices(films)] = 0.0
    if films <= _DENSE_FILMS:
        dense: NDArray[np.float32] = inverse.astype(np.float32)
        return dense
    # Kept by target: the column of a film is what speaks for it.
    parts = [
        strongest(
            np.ascontiguousarray(inverse[:, start : start + _BLOCK].T, dtype=np.float32), _KEPT
        )
        for start in range(0, films, _BLOCK)
    ]
    return Rows.of(vstack(parts).T.tocsr())
