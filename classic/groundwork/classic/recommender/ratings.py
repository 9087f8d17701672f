"""Ratings and films as columns, and the digest that names a set of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The genres of MovieLens, in the order of its 100K set; what is none of them is no genre here.
GENRES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western", "IMAX",
)  # fmt: skip
# A rating from here on says that the film was liked (Liang et al. 2018, section 4.1).
LIKED = 4.0


@dataclass(frozen=True)
class Ratings:
    """Columns of equal length: `user` and `film` are ids (int64), `rating` 0.5..5 (float32), `at` UTC seconds (int64)."""

    user: NDArray[np.int64]
    film: NDArray[np.int64]
    rating: NDArray[np.float32]
    at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def take(self, which: NDArray[np.generic]) -> Ratings:
        """The rows of a mask or of positions."""
        return Ratings(self.user[which], self.film[which], self.rating[which], self.at[which])

    def in_order(self) -> Ratings:
        """By user, time, film: an order that does not depend on the file's."""
        import numpy as np

        return self.take(np.lexsort((self.film, self.at, self.user)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rows in order, hex: the same ratings from any of the formats have the same."""
        rows = self.in_order()
        digest = hashlib.sha256()
        for column in (rows.user, rows.film, rows.rating, rows.at):
            digest.update(column.tobytes())
        return digest.hexdigest()

    @classmethod
    def joined(cls, parts: Sequence[Ratings]) -> Ratings:
        """All rows of several sets."""
        import numpy as np

        return cls(
            np.concatenate([part.user for part in parts]),
            np.concatenate([part.film for part in parts]),
            np.concatenate([part.rating for part in parts]),
            np.concatenate([part.at for part in parts]),
        )


@dataclass(frozen=True)
class Films:
    """The catalogue, by position: ids (int64, ascending), titles, years (0 where unknown) and genres.

    `genres` has a bit per genre of `GENRES`.
    """

    ids: NDArray[np.int64]
    titles: tuple[str, ...]
    years: NDArray[np.int16]
    genres: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def position(self) -> dict[int, int]:
        """Where a film stands, by its id."""
        return {int(film): place for place, film in enumerate(self.ids)}

    @cached_property
    def genre_matrix(self) -> NDArray[np.float32]:
        """(films, genres): each film's genres, summing to 1, or to 0 where it has none."""
        import numpy as np

        bits = (self.genres[:, None] >> np.arange(len(GENRES), dtype=np.uint32)) & 1
        shares = bits.astype(np.float32)
        total = shares.sum(axis=1, keepdims=True)
        matrix: NDArray[np.float32] = shares / np.maximum(total, 1.0)
        return matrix

    def genres_of(self, place: int) -> list[str]:
        """The names of a film's genres."""
        bits = int(self.genres[place])
        return [name for n, name in enumerate(GENRES) if bits >> n & 1]

    def arrays(self) -> dict[str, Any]:
        """As plain arrays; white space in titles is made single blanks."""
        import numpy as np

        titles = "\n".join(" ".join(title.split()) for title in self.titles).encode()
        return {
            "ids": self.ids,
            "years": self.years,
            "genres": self.genres,
            "titles": np.frombuffer(titles, dtype=np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        titles = tuple(arrays["titles"].tobytes().decode().split("\n"))
        return cls(arrays["ids"], titles, arrays["years"], arrays["genres"])

    def take(self, places: NDArray[np.generic]) -> Films:
        """The films at these positions, which ascend."""
        chosen = tuple(self.titles[int(place)] for place in places)
        return Films(self.ids[places], chosen, self.years[places], self.genres[places])


def genre_bits(names: Sequence[str]) -> int:
    """Bits of the genres that are known; others are left out. Case does not matter, and `Children's` is Children."""
    bits = 0
    for name in names:
        known = _BY_NAME.get(name.strip().lower())
        if known is not None:
            bits |= 1 << known
    return bits


_BY_NAME = {name.lower(): n for n, name in enumerate(GENRES)} | {
    "children's": GENRES.index("Children")
}
