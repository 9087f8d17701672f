"""Made-up ratings of MovieLens' shape: for tests, for growing tenfold, and for planting a shift.

Films have a long tail of popularity and a place in a space of tastes; people have a place there too, rate what is near it, and
come in bursts. The same seed gives the same rows. What is made says nothing about people; it only has structure to be found.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.ratings import GENRES, Films, Ratings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_START = 1_400_000_000
_YEAR_SECONDS = 365 * 86_400
_FACTORS = 8
# How much taste counts against popularity in what people come across.
_TASTE = 5.0
# The share of each number of genres.
_GENRE_COUNTS = (0.3, 0.4, 0.3)


@dataclass(frozen=True, slots=True)
class Shape:
    """How much to make. `per_user` is the mean number of ratings; people differ by a lognormal factor."""

    users: int = 600
    films: int = 1500
    per_user: float = 60.0
    years: float = 3.0
    seed: int = 7
    # Planted: from `shift_at` (0..1 of the time) on, tastes are mirrored and ratings are `shift_stars` lower.
    shift_at: float | None = None
    shift_stars: float = 1.0


def generate(shape: Shape) -> tuple[Ratings, Films]:
    """Ratings that pass the checks, and their films. Raises ValueError for a shape without anything in it."""
    import numpy as np

    rng = np.random.default_rng(shape.seed)
    films, places, popularity = _films(shape, rng)
    tastes = rng.normal(size=(shape.users, _FACTORS)) / np.sqrt(_FACTORS)
    parts = [_of_user(n, shape, tastes[n], places, popularity, rng) for n in range(shape.users)]
    user, film, rating, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = Ratings(user, films.ids[film], rating.astype(np.float32), at)
    return rows.in_order(), films


def _films(
    shape: Shape, rng: np.random.Generator
) -> tuple[Films, NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    count = shape.films
    # Zipf's law with a bend, as film popularity has it.
    popularity = 1.0 / (np.arange(count) + 10.0)
    rng.shuffle(popularity)
    themes = rng.normal(size=(len(GENRES), _FACTORS)) / np.sqrt(_FACTORS)
    genres = np.zeros(count, dtype=np.uint32)
    places = rng.normal(size=(count, _FACTORS)) * 0.5 / np.sqrt(_FACTORS)
    amounts = rng.choice(len(_GENRE_COUNTS), size=count, p=_GENRE_COUNTS) + 1
    for n in range(count):
        chosen = rng.choice(len(GENRES), size=amounts[n], replace=False)
        genres[n] = sum(1 << int(genre) for genre in chosen)
        places[n] += themes[chosen].mean(axis=0)
    years = (1950 + rng.beta(4, 1.5, size=count) * 65).astype(np.int16)
    titles = tuple(f"Film {n + 1} ({years[n]})" for n in range(count))
    films = Films(np.arange(1, count + 1, dtype=np.int64), titles, years, genres)
    return films, places, popularity / popularity.sum()


def _of_user(
    number: int,
    shape: Shape,
    taste: NDArray[np.float64],
    places: NDArray[np.float64],
    popularity: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    import numpy as np

    count = int(np.clip(shape.per_user * rng.lognormal(-0.4, 0.9), 20, shape.films // 3))
    at = _moments(count, shape, rng)
    shifted = np.zeros(count, dtype=bool)
    if shape.shift_at is not None:
        shifted = at >= _START + int(shape.shift_at * shape.years * _YEAR_SECONDS)
    near = places @ taste
    film = np.empty(count, dtype=np.int64)
    film[~shifted] = _drawn(near, popularity, int((~shifted).sum()), rng)
    rest = popularity.copy()
    rest[film[~shifted]] = 0.0
    film[shifted] = _drawn(-near, rest, int(shifted.sum()), rng)
    liking = np.where(shifted, -near[film], near[film])
    stars = 3.3 + 1.3 * liking + rng.normal(0, 0.4) + rng.normal(0, 0.7, size=count)
    stars -= np.where(shifted, shape.shift_stars, 0.0)
    rating = np.clip(np.rint(stars * 2) / 2, 0.5, 5.0)
    return np.full(count, number + 1, dtype=np.int64), film, rating, at


def _drawn(
    near: NDArray[np.float64], popularity: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`count` different films, by Gumbel's trick: the largest of log weight plus noise are a draw without replacement."""
    import numpy as np

    with np.errstate(divide="ignore"):
        keys = np.log(popularity) + _TASTE * near + rng.gumbel(size=len(popularity))
    return np.argpartition(-keys, count)[:count].astype(np.int64)


def _moments(count: int, shape: Shape, rng: np.random.Generator) -> NDArray[np.int64]:
    """Times of a user's ratings, ascending, a few seconds apart in one to four sessions."""
    import numpy as np

    sessions = int(rng.integers(1, 5))
    span = shape.years * _YEAR_SECONDS
    begins = np.sort(rng.uniform(0, span * 0.99, size=sessions)).astype(np.int64)
    session = np.sort(rng.integers(0, sessions, size=count))
    apart = rng.integers(2, 40, size=count)
    at = _START + begins[session] + np.cumsum(apart)
    return np.sort(at).astype(np.int64)


def write(folder: Path, ratings: Ratings, films: Films) -> None:
    """As the CSV format of MovieLens, each file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = zip(
        ratings.user.tolist(), ratings.film.tolist(), ratings.rating.tolist(), ratings.at.tolist(),
        strict=True,
    )  # fmt: skip
    _write(folder / "ratings.csv", ("userId", "movieId", "rating", "timestamp"), rows)
    catalogue = (
        (int(film), films.titles[n], "|".join(films.genres_of(n)) or "(no genres listed)")
        for n, film in enumerate(films.ids)
    )
    _write(folder / "movies.csv", ("movieId", "title", "genres"), catalogue)


def _write(path: Path, names: tuple[str, ...], rows: object) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)  # type: ignore[arg-type]  # tuples of any length
    temporary.replace(path)
