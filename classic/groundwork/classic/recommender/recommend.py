"""Answering a request: whose taste, what is left out, the best that remain, and because of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from groundwork.classic.recommender.features.records import Profile
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import GENRES, genre_bits
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 100
_REASONS = 3

# Whose ratings decided: those kept of the user, those of the request, or nobody's.
Basis = Literal["history", "ratings", "popular"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. Of `genres` a film has at least one, of `without` none; years are inclusive."""

    k: int = 10
    exclude_seen: bool = True
    genres: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    explain: bool = False

    def __post_init__(self) -> None:
        for field, names in (("genres", self.genres), ("without_genres", self.without)):
            for name in names:
                if not genre_bits([name]):
                    raise InvalidInput(
                        f"there is no genre {name!r}; there is {', '.join(GENRES)}",
                        field=f"filters.{field}",
                    )
        if self.year_from and self.year_to and self.year_from > self.year_to:
            raise InvalidInput("year_from is after year_to", field="filters.year_from")


@dataclass(frozen=True, slots=True)
class Reason:
    """A film that was rated, and its share of what speaks for another, 0..1."""

    film: int
    title: str
    share: float


@dataclass(frozen=True, slots=True)
class Pick:
    """A film that is recommended. `cold` says that too few have rated it: its score is borrowed from films like it."""

    film: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float
    cold: bool
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommended:
    """Picks, best first. `known` is how many rated films the model knows."""

    basis: Basis
    picks: tuple[Pick, ...]
    known: int


def recommend(
    ranker: Ranker, profile: Profile | None, ratings: Sequence[tuple[int, float]], wish: Wish
) -> Recommended:
    """From a person's profile, or from ratings (film, stars) where there are some; from neither it is what most people like.

    A rating of the request replaces the profile's of the same film.
    """
    import numpy as np

    films, stars = _history(profile, ratings)
    seen, _ = ranker.history(films, stars)
    scores = ranker.scores(films, stars)
    scores[~_allowed(ranker, wish)] = -np.inf
    if wish.exclude_seen and len(films):
        scores[np.isin(ranker.films.ids, films)] = -np.inf
    chosen = _best(scores, wish.k)
    terms = ranker.because(films, stars, chosen) if wish.explain and len(seen) else None
    cold = np.isin(chosen, ranker.cold)
    picks = tuple(
        _pick(
            ranker,
            int(place),
            float(scores[place]),
            cold=bool(cold[n]),
            because=() if terms is None else _reasons(ranker, films, terms[n]),
        )
        for n, place in enumerate(chosen)
    )
    basis: Basis = "popular"
    if len(seen):
        basis = "ratings" if ratings else "history"
    return Recommended(basis, picks, len(seen))


def _history(
    profile: Profile | None, ratings: Sequence[tuple[int, float]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    import numpy as np

    given = dict(ratings)
    films = np.array(list(given), dtype=np.int64)
    stars = np.array(list(given.values()), dtype=np.float32)
    if profile is None:
        return films, stars
    if not given:
        return profile.films, profile.stars
    kept = ~np.isin(profile.films, films)
    return np.concatenate([profile.films[kept], films]), np.concatenate(
        [profile.stars[kept], stars]
    )


def _allowed(ranker: Ranker, wish: Wish) -> NDArray[np.bool_]:
    import numpy as np

    films = ranker.films
    allowed = np.ones(len(films), dtype=bool)
    if wish.genres:
        allowed &= (films.genres & np.uint32(genre_bits(wish.genres))) != 0
    if wish.without:
        allowed &= (films.genres & np.uint32(genre_bits(wish.without))) == 0
    # A film whose year is not known is in no range.
    if wish.year_from is not None:
        allowed &= films.years >= wish.year_from
    if wish.year_to is not None:
        allowed &= (films.years <= wish.year_to) & (films.years > 0)
    return allowed


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the k best, ties by position; fewer where fewer are allowed."""
    from groundwork.classic.recommender.metrics import best

    chosen: NDArray[np.int64] = best(scores[None, :], k)[0]
    return chosen[chosen >= 0]


def _pick(
    ranker: Ranker, place: int, score: float, *, cold: bool, because: tuple[Reason, ...]
) -> Pick:
    films = ranker.films
    return Pick(
        film=int(films.ids[place]),
        title=films.titles[place],
        year=int(films.years[place]) or None,
        genres=tuple(films.genres_of(place)),
        score=round(score, 6),
        cold=cold,
        because=because,
    )


def _reasons(
    ranker: Ranker, films: NDArray[np.int64], terms: NDArray[np.float32]
) -> tuple[Reason, ...]:
    """The rated films that add most, of those that add anything."""
    import numpy as np

    total = float(terms[terms > 0].sum())
    reasons = []
    for n in np.argsort(-terms, kind="stable")[:_REASONS]:
        if terms[n] <= 0:
            break
        film = int(films[n])
        title = ranker.films.titles[ranker.films.position[film]]
        reasons.append(Reason(film, title, round(float(terms[n]) / total, 4)))
    return tuple(reasons)


def to_dict(pick: Pick, *, explain: bool) -> dict[str, Any]:
    """As the API shows it."""
    shown: dict[str, Any] = {
        "film": pick.film,
        "title": pick.title,
        "year": pick.year,
        "genres": list(pick.genres),
        "score": pick.score,
        "cold": pick.cold,
    }
    if explain:
        shown["because"] = [
            {"film": one.film, "title": one.title, "share": one.share} for one in pick.because
        ]
    return shown
