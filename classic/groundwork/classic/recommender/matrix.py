"""From ratings to the matrix that models see: whose row, which film's column, and what an entry says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from groundwork.classic.recommender.ratings import LIKED, Ratings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

# What a rating counts as: that the film was seen (1), that it was liked (1, or nothing), or its stars.
Signal = Literal["seen", "liked", "stars"]
SIGNALS: tuple[Signal, ...] = ("seen", "liked", "stars")


def weigh(ratings: NDArray[np.float32], signal: Signal) -> NDArray[np.float32]:
    """The entry that each rating makes: `seen` 1, `liked` 1 from four stars on and else 0, `stars` 0.1 to 1."""
    import numpy as np

    if signal == "seen":
        return np.ones(len(ratings), dtype=np.float32)
    if signal == "liked":
        return (ratings >= LIKED).astype(np.float32)
    return (ratings / 5.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The films that a model knows, by ascending id: column j is film `films[j]`."""

    films: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.films)

    @classmethod
    def of(cls, ratings: Ratings, *, fewest: int = 1, most: int | None = None) -> Vocabulary:
        """Films with at least `fewest` ratings, and of those the `most` that have the most."""
        import numpy as np

        films, counts = np.unique(ratings.film, return_counts=True)
        kept = films[counts >= fewest]
        if most is not None and len(kept) > most:
            counts = counts[counts >= fewest]
            kept = np.sort(kept[np.lexsort((kept, -counts))[:most]])
        return cls(kept)

    def columns(self, films: NDArray[np.int64]) -> NDArray[np.int64]:
        """The column of each film, -1 for those that are not known."""
        import numpy as np

        if not len(self.films):
            return np.full(len(films), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.films, films), len(self.films) - 1)
        return np.where(self.films[place] == films, place, -1)


def matrix(
    ratings: Ratings, vocabulary: Vocabulary, signal: Signal, users: NDArray[np.int64] | None = None
) -> csr_matrix:
    """(users, films) as CSR float32. Rows follow `users`, ascending ids; all users of the ratings where none are given.

    What weighs nothing is no entry; films that the vocabulary has not are left out, and so are
    users who are not asked for.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    rows_of = np.unique(ratings.user) if users is None else users
    column = vocabulary.columns(ratings.film)
    value = weigh(ratings.rating, signal)
    kept = (column >= 0) & (value > 0) & np.isin(ratings.user, rows_of)
    row = np.searchsorted(rows_of, ratings.user[kept])
    shape = (len(rows_of), len(vocabulary))
    made = csr_matrix((value[kept], (row, column[kept])), shape=shape, dtype=np.float32)
    made.sort_indices()
    return made
