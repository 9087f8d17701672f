"""Films that too few have rated: they borrow the scores of films like them, by genres and year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundwork.classic.recommender.models.sparse import Rows, strongest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.classic.recommender.ratings import Films

_LIKE = 20
_YEARS = 10.0
_BLOCK = 512


def likenesses(films: Films, warm: NDArray[np.int64], cold: NDArray[np.int64]) -> Rows:
    """(cold, warm): the weights of the 20 most alike warm films of each cold one, summing to 1; positions are of `films`.

    Alike is the cosine of the genres times exp(-|years apart| / 10); an unknown year counts as ten years apart.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, vstack

    if not len(cold) or not len(warm):
        return Rows.of(csr_matrix((len(cold), len(warm)), dtype=np.float32))
    genres = films.genre_matrix
    unit = genres / np.maximum(np.linalg.norm(genres, axis=1, keepdims=True), 1e-9)
    years = films.years.astype(np.float32)
    parts = []
    for start in range(0, len(cold), _BLOCK):
        of = cold[start : start + _BLOCK]
        apart = np.abs(years[of][:, None] - years[warm][None, :])
        apart[(years[of] == 0)[:, None] | (years[warm] == 0)[None, :]] = _YEARS
        alike = (unit[of] @ unit[warm].T) * np.exp(-apart / _YEARS)
        parts.append(strongest(alike.astype(np.float32), _LIKE))
    made = vstack(parts).tocsr()
    total = np.asarray(made.sum(axis=1)).ravel()
    made.data /= np.repeat(np.maximum(total, 1e-9), np.diff(made.indptr))
    return Rows.of(made)
