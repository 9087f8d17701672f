"""Fitting a ranker: the vocabulary, the model of a family with its parameters, popularity and what cold films borrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.cold import likenesses
from groundwork.classic.recommender.matrix import Signal, Vocabulary, matrix
from groundwork.classic.recommender.models import Als, Ease, Neighbours, Popularity
from groundwork.classic.recommender.models.ease import LARGEST
from groundwork.classic.recommender.models.sparse import Rows
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models import Model

# EASE of more people and films than it can invert drops the films that fewest have rated.
MOST_FILMS = 20_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model to be tried: its family, what a rating counts as, and the family's own parameters."""

    family: str
    signal: Signal
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ", ".join(f"{name} {value:g}" for name, value in self.options.items())
        return f"{self.family} ({self.signal}{', ' + options if options else ''})"

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"family": self.family, "signal": self.signal, "options": dict(self.options)}


# What is tried unless told otherwise; docs/decisions/recommender.md has the figures that thinned it out.
RECIPES: tuple[Recipe, ...] = (
    Recipe("popularity", "liked"),
    Recipe("item-knn", "liked", {"k": 100, "shrink": 10.0}),
    Recipe("als", "stars", {"factors": 64, "penalty": 50.0, "alpha": 20.0}),
    Recipe("ease", "liked", {"penalty": 100.0}),
    Recipe("ease", "liked", {"penalty": 300.0}),
    Recipe("ease", "stars", {"penalty": 100.0}),
    Recipe("ease", "stars", {"penalty": 300.0}),
)


def fit_model(recipe: Recipe, rows: csr_matrix, seed: int) -> Model:
    """One model on (people, films)."""
    if recipe.family == "popularity":
        return Popularity.fit(rows)
    if recipe.family == "item-knn":
        return Neighbours.fit(rows, **recipe.options)
    if recipe.family == "als":
        return Als.fit(rows, seed=seed, **recipe.options)
    return Ease.fit(rows, **recipe.options)


def vocabulary_for(recipe: Recipe, ratings: Ratings) -> Vocabulary:
    """The films that a recipe's model can hold."""
    import numpy as np

    people = len(np.unique(ratings.user))
    bounded = recipe.family == "ease" and people > LARGEST
    return Vocabulary.of(ratings, most=MOST_FILMS if bounded else None)


def fit_ranker(
    recipe: Recipe, ratings: Ratings, films: Films, *, prior: float, seed: int
) -> Ranker:
    """On all these ratings. Films that the catalogue has not are left out."""
    import numpy as np

    known = ratings.take(np.isin(ratings.film, films.ids))
    vocabulary = vocabulary_for(recipe, known)
    rows = matrix(known, vocabulary, recipe.signal)
    liked = Popularity.fit(matrix(known, vocabulary, "liked"))
    warm = np.searchsorted(films.ids, vocabulary.films)
    cold = np.setdiff1d(np.arange(len(films)), warm)
    borrowed = likenesses(films, warm, cold)
    model = fit_model(recipe, rows, seed)
    return Ranker(films, vocabulary, recipe.signal, model, liked.share, prior, borrowed)


__all__ = ["MOST_FILMS", "RECIPES", "Recipe", "Rows", "fit_model", "fit_ranker", "vocabulary_for"]
