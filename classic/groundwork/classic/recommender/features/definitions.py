"""What the features are. Both sides are made from this: the offline tables, Feast's views, and the reader of the online store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import orjson

Kind = Literal["int64", "float32", "int64s", "float32s"]

PROJECT = "recommender"
EVENT = "event_timestamp"
# Of a longer history the latest films are kept.
LONGEST_HISTORY = 1000
# What counts as recent for a film.
RECENT_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Feature:
    """A value, or a list of values."""

    name: str
    kind: Kind
    about: str


@dataclass(frozen=True, slots=True)
class View:
    """Features of one entity, which is named by an int64 `key`."""

    name: str
    entity: str
    key: str
    features: tuple[Feature, ...]

    @property
    def references(self) -> list[str]:
        """As Feast asks for them."""
        return [f"{self.name}:{feature.name}" for feature in self.features]


USER = View(
    "user_profile",
    "user",
    "user_id",
    (
        Feature("seen_films", "int64s", "Films rated, oldest first, at most the latest 1,000"),
        Feature("seen_stars", "float32s", "The rating of each of them"),
        Feature("rated", "int64", "How many films were rated in all"),
        Feature("mean_stars", "float32", "The mean rating"),
        Feature("liked_share", "float32", "The share of ratings of four stars and more"),
        Feature("mean_year", "float32", "The mean year of the films, of those that have one"),
        Feature("genre_shares", "float32s", "The share of each genre in what was liked"),
        Feature("user_last_at", "int64", "When the last rating was, in UTC seconds"),
    ),
)
FILM = View(
    "film_profile",
    "film",
    "film_id",
    (
        Feature("ratings", "int64", "How many people rated it"),
        Feature("likes", "int64", "How many of them gave four stars or more"),
        Feature("film_mean_stars", "float32", "The mean rating"),
        Feature("recent_ratings", "int64", "Ratings in the year before the last one"),
        Feature("film_last_at", "int64", "When the last rating was, in UTC seconds"),
    ),
)
VIEWS = (USER, FILM)


def digest() -> str:
    """Names the definitions in a release: 16 hex digits that change when a feature does."""
    content = [
        [view.name, view.key, [[one.name, one.kind, one.about] for one in view.features]]
        for view in VIEWS
    ]
    parts = [content, LONGEST_HISTORY, RECENT_SECONDS]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]
