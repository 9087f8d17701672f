"""What was recommended, and what people did with it: tables of the ledger's database, and the way back into data."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import sqlalchemy as sql

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.database import (
    create_tables,
    insert_or,
    open_engine,
    reading,
    writing,
)

# A click counts as much as a rating of four stars, the least that says "liked".
CLICK_STARS = 4.0
_BATCH = 10_000

_metadata = sql.MetaData()
_recommendations = sql.Table(
    "recommendations",
    _metadata,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("created_at", sql.String(32), nullable=False, index=True),
    sql.Column("user_id", sql.BigInteger),
    sql.Column("release", sql.String(32), nullable=False),
    sql.Column("films", sql.LargeBinary, nullable=False),
)
_clicks = sql.Table(
    "recommendation_feedback",
    _metadata,
    sql.Column("recommendation_id", sql.String(64), primary_key=True),
    sql.Column("film", sql.BigInteger, primary_key=True),
    sql.Column("user_id", sql.BigInteger, index=True),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("place", sql.Integer, nullable=False),
    # What the person gave it; without a value it is a click.
    sql.Column("stars", sql.Float),
    sql.Column("release", sql.String(32), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A recommendation that was given: films in their order, to `user`, None for ratings without one."""

    id: str
    user: int | None
    release: str
    films: tuple[int, ...]


class Recommendations:
    """Safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        create_tables(self._engine, _metadata)

    def save(self, kept: Kept) -> None:
        """Keep what was recommended, so that clicks can be told from made-up ones. Raises Unavailable."""
        row = {
            "id": kept.id,
            "created_at": _now(),
            "user_id": kept.user,
            "release": kept.release,
            "films": orjson.dumps(kept.films),
        }
        with writing(self._engine, durable=False) as connection:
            connection.execute(sql.insert(_recommendations).values(row))

    def get(self, recommendation: str) -> Kept:
        """Raises NotFound, Unavailable."""
        query = sql.select(_recommendations).where(_recommendations.c.id == recommendation)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise missing(recommendation)
        films = tuple(orjson.loads(row["films"]))
        return Kept(row["id"], row["user_id"], row["release"], films)

    def react(self, recommendation: str, film: int, stars: float | None) -> int:
        """A person chose a film, or rated it; returns its place in the list, from 1. The latest word on a film counts.

        A click after a rating changes nothing. Raises NotFound, InvalidInput for a film that was not recommended.
        """
        kept = self.get(recommendation)
        if film not in kept.films:
            raise InvalidInput(f"film {film} was not among those recommended", field="film")
        place = kept.films.index(film) + 1
        row = {
            "recommendation_id": kept.id,
            "film": film,
            "user_id": kept.user,
            "at": int(datetime.now(UTC).timestamp()),
            "place": place,
            "stars": stars,
            "release": kept.release,
        }
        with writing(self._engine) as connection:
            statement = insert_or(_clicks, connection).values(row)
            keys = ["recommendation_id", "film"]
            if stars is None:
                connection.execute(statement.on_conflict_do_nothing(index_elements=keys))
            else:
                new = {"stars": statement.excluded.stars, "at": statement.excluded.at}
                connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new))
        return place

    def reactions(self) -> Iterator[tuple[int, int, float, int]]:
        """(user, film, stars, at) of everybody who is known, one a user and film, by time; clicks as four stars.

        A rating counts before any click, and of equals the latest.
        """
        columns = _clicks.c.user_id, _clicks.c.film, _clicks.c.stars, _clicks.c.at
        known = sql.select(*columns).where(_clicks.c.user_id.is_not(None))
        found: dict[tuple[int, int], tuple[bool, int, float]] = {}
        with reading(self._engine) as connection:
            ordered = known.order_by(_clicks.c.at, _clicks.c.film)
            for user, film, stars, at in connection.execute(ordered).yield_per(_BATCH):
                said = (stars is not None, at, CLICK_STARS if stars is None else stars)
                if (user, film) not in found or said[:2] >= found[user, film][:2]:
                    found[user, film] = said
        rows = [(user, film, stars, at) for (user, film), (_, at, stars) in found.items()]
        yield from sorted(rows, key=lambda row: (row[3], row[0], row[1]))

    def count(self, since: int) -> int:
        """Reactions of known people that came, or were changed, from an instant (seconds since 1970) on."""
        mine = _clicks.c.user_id.is_not(None), _clicks.c.at >= since
        with reading(self._engine) as connection:
            query = sql.select(sql.func.count()).select_from(_clicks).where(*mine)
            return int(connection.execute(query).scalar_one())

    def rates(self) -> dict[str, dict[str, float]]:
        """By release: how many recommendations were given, how many had a reaction, and their share."""
        given = sql.select(_recommendations.c.release, sql.func.count()).group_by(
            _recommendations.c.release
        )
        had = sql.select(
            _clicks.c.release, sql.func.count(sql.distinct(_clicks.c.recommendation_id))
        ).group_by(_clicks.c.release)
        with reading(self._engine) as connection:
            totals: Mapping[str, int] = {row[0]: row[1] for row in connection.execute(given)}
            reacted: Mapping[str, int] = {row[0]: row[1] for row in connection.execute(had)}
        return {
            release: {
                "given": total,
                "reacted": reacted.get(release, 0),
                "share": reacted.get(release, 0) / total,
            }
            for release, total in totals.items()
        }

    def forget(self, keep_days: int) -> int:
        """Delete recommendations older than this. What people said of them is data, and stays. Returns how many went."""
        limit = (datetime.now(UTC) - timedelta(days=keep_days)).isoformat(timespec="milliseconds")
        old = _recommendations.c.created_at < limit
        with writing(self._engine) as connection:
            return connection.execute(sql.delete(_recommendations).where(old)).rowcount

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def export(rows: Sequence[tuple[int, int, float, int]], path: Path) -> None:
    """`feedback.csv` beside a set's ratings, which the reader adds to them; whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("userId", "movieId", "rating", "timestamp"))
        writer.writerows(rows)
    temporary.replace(path)


def missing(recommendation: str) -> NotFound:
    """There is none, or none that this caller may see."""
    return NotFound(
        f"no recommendation {recommendation}; they are kept for a limited time", field="id"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
