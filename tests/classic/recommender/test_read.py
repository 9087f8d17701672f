"""One reader for every format of MovieLens: the same ratings, whichever they are written in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.recommender.generate import Shape, generate, write
from groundwork.classic.recommender.ratings import GENRES, Films, Ratings
from groundwork.classic.recommender.read import FEEDBACK, read
from groundwork.core.errors import InvalidInput, NotFound

RATINGS, FILMS = generate(Shape(users=30, films=60, per_user=25))
# Whole stars are all that the older sets can hold.
WHOLE = Ratings(RATINGS.user, RATINGS.film, np.ceil(RATINGS.rating), RATINGS.at)


def write_dat(folder: Path, ratings: Ratings, films: Films) -> None:
    rows = zip(ratings.user, ratings.film, ratings.rating, ratings.at, strict=True)
    text = "".join(f"{u}::{f}::{r:g}::{at}\n" for u, f, r, at in rows)
    (folder / "ratings.dat").write_text(text)
    titles = [
        f"{film}::{films.titles[n]}::{'|'.join(films.genres_of(n)).replace('Children', chr(67) + 'hildren' + chr(39) + 's')}\n"
        for n, film in enumerate(films.ids)
    ]
    (folder / "movies.dat").write_bytes("".join(titles).encode("latin-1"))


def write_100k(folder: Path, ratings: Ratings, films: Films) -> None:
    rows = zip(ratings.user, ratings.film, ratings.rating, ratings.at, strict=True)
    (folder / "u.data").write_text("".join(f"{u}\t{f}\t{r:g}\t{at}\n" for u, f, r, at in rows))
    lines = []
    for n, film in enumerate(films.ids):
        # `unknown` first, and no IMAX then.
        flags = ["0", *("1" if name in films.genres_of(n) else "0" for name in GENRES[:-1])]
        lines.append("|".join([str(film), films.titles[n], "01-Jan-1995", "", "http://x", *flags]))
    (folder / "u.item").write_bytes("\n".join(lines).encode("latin-1"))


@pytest.mark.parametrize("writer", [write, write_dat, write_100k])
def test_every_format_says_the_same(
    tmp_path: Path, writer: Callable[[Path, Ratings, Films], None]
) -> None:
    writer(tmp_path, WHOLE, FILMS)
    raw = read(tmp_path)
    assert raw.ratings.digest == WHOLE.digest
    assert raw.films.titles == FILMS.titles
    assert raw.films.years.tolist() == FILMS.years.tolist()
    keep = ~np.uint32(1 << GENRES.index("IMAX"))
    assert (raw.films.genres & keep).tolist() == (FILMS.genres & keep).tolist()


def test_halves_and_quoted_titles_are_read(tmp_path: Path) -> None:
    write(tmp_path, RATINGS, FILMS)
    films = tmp_path / "movies.csv"
    text = films.read_text().replace("Film 1 (", '"Film, The: ""1""é (', 1).replace("),", ')",', 1)
    films.write_text(text)
    raw = read(tmp_path)
    assert raw.ratings.digest == RATINGS.digest
    assert raw.films.titles[0].startswith('Film, The: "1"é (')


@pytest.mark.parametrize(
    ("title", "year"),
    [("Heat (1995)", 1995), ("Fargo (2014- )", 0), ("Lost (2004–2010)", 2004), ("2001", 0)],
)
def test_the_year_is_in_the_title(tmp_path: Path, title: str, year: int) -> None:
    write(tmp_path, RATINGS, FILMS)
    (tmp_path / "movies.csv").write_text(f"movieId,title,genres\n1,{title},Drama|Opera\n")
    films = read(tmp_path).films
    assert (films.years[0], films.genres_of(0)) == (year, ["Drama"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,2,five,978300760", "five"),
        ("1,2,5", "4 columns"),
        ("1,,5,978300760", "movieId"),
        ("1,2,5,978300760.5", "978300760.5"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    write(tmp_path, RATINGS, FILMS)
    with (tmp_path / "ratings.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(InvalidInput, match=r"ratings\.csv") as told:
        read(tmp_path)
    assert said in told.value.detail


def test_other_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path, RATINGS, FILMS)
    path = tmp_path / "ratings.csv"
    path.write_text(path.read_text().replace("userId,movieId", "movieId,userId", 1))
    with pytest.raises(InvalidInput, match="userId, movieId, rating, timestamp are wanted"):
        read(tmp_path)


def test_a_folder_without_ratings_or_films_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"ratings\.csv, ratings\.dat, u\.data"):
        read(tmp_path)
    write(tmp_path, RATINGS, FILMS)
    (tmp_path / "movies.csv").unlink()
    with pytest.raises(NotFound, match=r"movies\.csv"):
        read(tmp_path)


def test_feedback_joins_the_ratings_and_the_later_word_counts(tmp_path: Path) -> None:
    write(tmp_path, RATINGS, FILMS)
    first, second = RATINGS.take(np.array([0])), RATINGS.take(np.array([1]))
    unseen = int(np.setdiff1d(FILMS.ids, RATINGS.film[RATINGS.user == 1])[0])
    rows = [
        (1, unseen, 4.0, int(first.at[0]) + 5),
        # Later than the rating, and earlier.
        (1, int(first.film[0]), 0.5, int(first.at[0]) + 5),
        (1, int(second.film[0]), 0.5, int(second.at[0]) - 5),
    ]
    lines = ["userId,movieId,rating,timestamp", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / FEEDBACK).write_text("\n".join(lines) + "\n")
    ratings = read(tmp_path).ratings
    assert len(ratings) == len(RATINGS) + 1
    own = ratings.take(ratings.user == 1)
    said = dict(zip(own.film.tolist(), own.rating.tolist(), strict=True))
    assert said[unseen] == 4.0
    assert said[int(first.film[0])] == 0.5
    assert said[int(second.film[0])] == float(second.rating[0])
