"""Offline tables: the state of each person at the end of each of their days, of each film at the end of each of its weeks.

A row holds what was known at its time, the last rating that it counts. Rows are what training joins in and what is materialised:
there is no second computation that could differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundwork.classic.recommender.features.definitions import (
    EVENT,
    FILM,
    LONGEST_HISTORY,
    RECENT_SECONDS,
    USER,
    View,
)
from groundwork.classic.recommender.ratings import LIKED, Films, Ratings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_DAY = 86_400
_WEEK = 7 * _DAY


def user_table(ratings: Ratings, films: Films) -> pa.Table:
    """A row per user and day with a rating, in the columns of `USER`; films must all be in the catalogue."""
    import numpy as np
    import pyarrow as pa

    rows = ratings.in_order()
    end, start = _ends(rows.user, rows.at, _DAY)
    count = end - start
    liked = rows.rating >= LIKED
    place = np.searchsorted(films.ids, rows.film)
    year = films.years[place].astype(np.float64)
    genres = films.genre_matrix[place].astype(np.float64) * liked[:, None]
    dated = _since(start, end, (year > 0).astype(np.float64))
    shares = np.stack([_since(start, end, genres[:, n]) for n in range(genres.shape[1])], axis=1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    begin = np.maximum(start, end - LONGEST_HISTORY)
    listed, offsets = _ranges(begin, end)
    columns = {
        "seen_films": _lists(rows.film[listed], offsets, pa.int64()),
        "seen_stars": _lists(rows.rating[listed], offsets, pa.float32()),
        "rated": count,
        "mean_stars": _since(start, end, rows.rating) / count,
        "liked_share": _since(start, end, liked) / count,
        "mean_year": _since(start, end, year) / np.maximum(dated, 1),
        "genre_shares": _lists(
            shares.ravel(), np.arange(len(end) + 1) * shares.shape[1], pa.float32()
        ),
        "user_last_at": rows.at[end - 1],
    }
    return _table(USER, rows.user[end - 1], rows.at[end - 1], columns)


def film_table(ratings: Ratings) -> pa.Table:
    """A row per film and week with a rating, in the columns of `FILM`."""
    import numpy as np

    rows = ratings.take(np.lexsort((ratings.user, ratings.at, ratings.film)))
    end, start = _ends(rows.film, rows.at, _WEEK)
    last = rows.at[end - 1]
    # The first of the film's rows within the year before the last one, by one search over all films.
    span = int(rows.at.max() - rows.at.min()) + RECENT_SECONDS + 1 if len(rows) else 1
    _, dense = np.unique(rows.film, return_inverse=True)
    key = dense * span + (rows.at - (rows.at.min() if len(rows) else 0))
    since = np.searchsorted(key, key[end - 1] - RECENT_SECONDS, side="right")
    columns = {
        "ratings": end - start,
        "likes": _since(start, end, rows.rating >= LIKED).astype(np.int64),
        "film_mean_stars": _since(start, end, rows.rating) / (end - start),
        "recent_ratings": end - np.maximum(since, start),
        "film_last_at": last,
    }
    return _table(FILM, rows.film[end - 1], last, columns)


def schema(view: View) -> pa.Schema:
    """Of a view's offline table. Times are microseconds: with nanoseconds duckdb's joins would be off."""
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "float32": pa.float32(),
        "int64s": pa.list_(pa.int64()),
        "float32s": pa.list_(pa.float32()),
    }
    fields = [pa.field(one.name, types[one.kind]) for one in view.features]
    return pa.schema(
        [pa.field(view.key, pa.int64()), *fields, pa.field(EVENT, pa.timestamp("us", tz="UTC"))]
    )


def _ends(
    key: NDArray[np.int64], at: NDArray[np.int64], period: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of rows by key and time: one past the last row of each key's period, and the first row of that key."""
    import numpy as np

    when = at // period
    last = np.ones(len(key), dtype=bool)
    last[:-1] = (key[1:] != key[:-1]) | (when[1:] != when[:-1])
    end = np.flatnonzero(last) + 1
    _, first = np.unique(key, return_index=True)
    start = first[np.searchsorted(first, end - 1, side="right") - 1]
    return end, start


def _since(
    start: NDArray[np.int64], end: NDArray[np.int64], values: NDArray[np.generic]
) -> NDArray[np.float64]:
    """The sum of the values from `start` to before `end`. Stars are halves, so that sums are exact."""
    import numpy as np

    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    summed: NDArray[np.float64] = total[end] - total[start]
    return summed


def _ranges(
    begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All positions from each begin to each end, one after the other, and where each range starts."""
    import numpy as np

    length = end - begin
    offsets = np.concatenate([[0], np.cumsum(length)])
    positions = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], length)
    return positions, offsets


def _lists(
    values: NDArray[np.generic], offsets: NDArray[np.int64], of: pa.DataType
) -> pa.ListArray:
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values).cast(of))


def _table(
    view: View,
    key: NDArray[np.int64],
    at: NDArray[np.int64],
    columns: dict[str, NDArray[np.generic] | pa.Array],
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    kinds = {"int64": np.int64, "float32": np.float32}
    made = {view.key: key, EVENT: pa.array(at * 1_000_000, pa.timestamp("us", tz="UTC"))}
    for feature in view.features:
        column = columns[feature.name]
        kind = kinds.get(feature.kind)
        made[feature.name] = column if kind is None else column.astype(kind)
    return pa.table(made, schema=schema(view))
