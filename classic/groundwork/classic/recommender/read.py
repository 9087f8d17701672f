"""Reading MovieLens in each of its formats: the CSV sets (latest, 20M, 25M, 32M), 1M and 10M (`::`), and 100K (`u.data`).

The format is told by the files that a folder has. Nothing is judged here beyond what cannot be read at all; `check` does.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.ratings import GENRES, Films, Ratings, genre_bits
from groundwork.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import pyarrow as pa

_YEAR = re.compile(r"\((\d{4})(?:[–-]\d{0,4})?\)\s*$")
# What people said of recommendations, as `groundwork recommender feedback` writes it; in any of the formats' folders.
FEEDBACK = "feedback.csv"
_COLUMNS = ("userId", "movieId", "rating", "timestamp")


@dataclass(frozen=True, slots=True)
class Form:
    """One of the formats: its files, the separator, and whether the ratings have a line of names."""

    name: str
    ratings: str
    films: str
    separator: str
    named: bool


FORMS = (
    Form("csv", "ratings.csv", "movies.csv", ",", named=True),
    Form("dat", "ratings.dat", "movies.dat", "::", named=False),
    Form("100k", "u.data", "u.item", "\t", named=False),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """What the files say, before anything is checked. `form` names the format."""

    form: str
    ratings: Ratings
    films: Films


def read(folder: Path) -> Raw:
    """Ratings and films of a folder. Raises NotFound where none of the formats is there, InvalidInput for what is broken."""
    form = next((one for one in FORMS if (folder / one.ratings).is_file()), None)
    if form is None:
        names = ", ".join(one.ratings for one in FORMS)
        raise NotFound(f"{folder} holds no ratings; one of {names} is looked for", field="data")
    if not (folder / form.films).is_file():
        raise NotFound(f"{folder} has {form.ratings} but not its films, {form.films}", field="data")
    ratings = read_ratings(folder / form.ratings, form)
    if (folder / FEEDBACK).is_file():
        ratings = with_feedback(ratings, read_ratings(folder / FEEDBACK, FORMS[0]))
    return Raw(form.name, ratings, read_films(folder, form))


def with_feedback(ratings: Ratings, feedback: Ratings) -> Ratings:
    """Both, where the feedback's word on a user and film counts if it is later."""
    import numpy as np

    joined = Ratings.joined([ratings, feedback])
    order = np.lexsort((joined.at, joined.film, joined.user))
    rows = joined.take(order)
    said = order >= len(ratings)
    again = (rows.user[1:] == rows.user[:-1]) & (rows.film[1:] == rows.film[:-1])
    kept = np.ones(len(rows), dtype=bool)
    # Where feedback and a rating are beside each other the earlier one goes; repeats within one file are for the checks.
    kept[:-1][again & (said[1:] != said[:-1])] = False
    return rows.take(kept)


def read_ratings(path: Path, form: Form) -> Ratings:
    """The four columns of a file. Raises InvalidInput that names the line's trouble."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    # Arrow splits at one character: `1::2::5::9` becomes seven columns, of which every other one is empty.
    step = len(form.separator)
    names = [f"_{n}" for n in range(3 * step + 1)]
    for n, column in enumerate(_COLUMNS):
        names[n * step] = column
    types = {"userId": pa.int64(), "movieId": pa.int64(), "rating": pa.float32()}
    try:
        with path.open("rb") as file:
            _check_names(file.readline(), path, form)
        table: pa.Table = arrow.read_csv(
            path,
            read_options=arrow.ReadOptions(column_names=names, skip_rows=int(form.named)),
            parse_options=arrow.ParseOptions(delimiter=form.separator[0], quote_char=False),
            convert_options=arrow.ConvertOptions(
                column_types={**types, "timestamp": pa.int64()},
                include_columns=list(_COLUMNS),
                null_values=[""],
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(f"{path}: {_first_line(error)}", field="data") from None
    return _columns(table, path)


def _check_names(first: bytes, path: Path, form: Form) -> None:
    if not form.named:
        return
    names = tuple(name.strip().strip('"') for name in first.decode("utf-8-sig").split(","))
    if names != _COLUMNS:
        raise InvalidInput(
            f"{path} begins with the columns {', '.join(names)[:200]!r}; {', '.join(_COLUMNS)} are wanted",
            field="data",
        )


def _columns(table: Any, path: Path) -> Ratings:
    for name in _COLUMNS:
        missing = table.column(name).null_count
        if missing:
            raise InvalidInput(f"{path}: {missing} rows have no {name}", field="data")
    return Ratings(*(table.column(name).to_numpy() for name in _COLUMNS))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]


def read_films(folder: Path, form: Form) -> Films:
    """The catalogue by ascending id. Raises InvalidInput for a row without an id, and for an id that comes twice."""
    import numpy as np

    path = folder / form.films
    found: dict[int, tuple[str, int, int]] = {}
    try:
        for film, title, genres in _film_rows(path, form):
            if film in found:
                raise InvalidInput(f"{path}: film {film} comes twice", field="data")
            year = _YEAR.search(title)
            found[film] = (title, int(year[1]) if year else 0, genres)
    except (ValueError, IndexError, csv.Error) as error:
        raise InvalidInput(f"{path}: {_first_line(error)}", field="data") from None
    ids = sorted(found)
    return Films(
        np.array(ids, dtype=np.int64),
        tuple(found[film][0] for film in ids),
        np.array([found[film][1] for film in ids], dtype=np.int16),
        np.array([found[film][2] for film in ids], dtype=np.uint32),
    )


def _film_rows(path: Path, form: Form) -> Iterator[tuple[int, str, int]]:
    # 100K, 1M and 10M are from before UTF-8.
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if form.name == "csv":
        rows = csv.reader(text.splitlines(), strict=True)
        next(rows, None)
        for row in rows:
            yield int(row[0]), row[1].strip(), genre_bits(row[2].split("|"))
        return
    for line in text.split("\n"):
        if not line.strip():
            continue
        if form.name == "dat":
            film, _, rest = line.rstrip("\r").partition("::")
            title, _, genres = rest.rpartition("::")
            yield int(film), title.strip(), genre_bits(genres.split("|"))
        else:
            yield _item(line.rstrip("\r").split("|"))


def _item(fields: list[str]) -> tuple[int, str, int]:
    """A row of `u.item`: 5 fields, then 19 flags of which the first says `unknown`."""
    flags = [int(flag) for flag in fields[5:24]]
    names = [name for flag, name in zip(flags[1:], GENRES, strict=False) if flag]
    return int(fields[0]), fields[1].strip(), genre_bits(names)
