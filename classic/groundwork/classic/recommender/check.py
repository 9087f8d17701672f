"""Checks on arrival: bad ratings stop here, with a report that says what is wrong, how often, and where for example.

A finding that is `fatal` stops the set; others are told and kept with the release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.profile import Profile, histogram
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# MovieLens' first rating is of 9 January 1995; anything before is a clock that was wrong or a column that was moved.
FIRST_AT = 789_600_000
# A clock may be this far ahead.
_SKEW_SECONDS = 86_400
_FEWEST_RATINGS, _FEWEST_USERS, _FEWEST_FILMS = 500, 20, 20
# Ratings of films that the catalogue does not have.
_UNKNOWN_SHARE = 0.02
# One value for everything says nothing of taste.
_SAME_SHARE = 0.95
# Ratings that share their user's second: which was the last is chance then.
_TIED_SHARE = 0.8
# Compared with the set that the champion was trained on.
_SHRUNK_SHARE = 0.5
_HISTOGRAM_DISTANCE = 0.25
_LEAST_RANK_AGREEMENT = 0.3
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `count` of `total` rows, and a few of them in words."""

    check: str
    fatal: bool
    detail: str
    count: int = 0
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f" (such as {'; '.join(self.examples)})" if self.examples else ""
        return f"{self.detail}{shown}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings. `passed` where none is fatal."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the set may be used."""
        return not any(one.fatal for one in self.findings)

    def require(self) -> None:
        """Raises InvalidInput with every fatal finding."""
        fatal = [str(one) for one in self.findings if one.fatal]
        if fatal:
            raise InvalidInput("these ratings are refused: " + "; ".join(fatal), field="data")

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "passed": self.passed,
            "findings": [
                {
                    "check": one.check,
                    "fatal": one.fatal,
                    "detail": one.detail,
                    "count": one.count,
                    "examples": list(one.examples),
                }
                for one in self.findings
            ],
        }


def check(ratings: Ratings, films: Films, *, now: int, before: Profile | None = None) -> Report:
    """Judge a set. `now` is UTC seconds; `before` is what the champion was trained on.

    The comparison is made only where the rows by themselves are sound.
    """
    alone: tuple[Callable[[Ratings, Films, int], list[Finding]], ...] = (
        _size, _ids, _values, _times, _duplicates, _catalogue, _sameness, _ties,
    )  # fmt: skip
    found = [finding for one in alone for finding in one(ratings, films, now)]
    if before is not None and not any(one.fatal for one in found):
        found += _compared(ratings, before)
    return Report(tuple(found))


def _size(ratings: Ratings, films: Films, _now: int) -> list[Finding]:
    import numpy as np

    wanted = (
        ("ratings", len(ratings), _FEWEST_RATINGS),
        ("users", len(np.unique(ratings.user)), _FEWEST_USERS),
        ("films", len(films), _FEWEST_FILMS),
    )
    return [
        Finding(f"few-{name}", True, f"there are only {found} {name}, {least} are the least", found)
        for name, found, least in wanted
        if found < least
    ]


def _ids(ratings: Ratings, _films: Films, _now: int) -> list[Finding]:
    wrong = (ratings.user <= 0) | (ratings.film <= 0)
    return _rows("ids", True, "rows have a user or film that is no positive number", ratings, wrong)


def _values(ratings: Ratings, _films: Films, _now: int) -> list[Finding]:
    import numpy as np

    value = ratings.rating
    # `not (… and …)`, so that a NaN is outside too.
    outside = ~((value >= 0.5) & (value <= 5.0))
    between = ~outside & (np.rint(value * 2) != value * 2)
    return [
        *_rows("range", True, "ratings are not within 0.5 and 5", ratings, outside),
        *_rows("steps", True, "ratings are no whole or half stars", ratings, between),
    ]


def _times(ratings: Ratings, _films: Films, now: int) -> list[Finding]:
    early, late = ratings.at < FIRST_AT, ratings.at > now + _SKEW_SECONDS
    detail = "ratings are from before 1995, when there were none; times are UTC seconds"
    return [
        *_rows("too-early", True, detail, ratings, early),
        *_rows("in-future", True, "ratings are from the future", ratings, late),
    ]


def _duplicates(ratings: Ratings, _films: Films, _now: int) -> list[Finding]:
    import numpy as np

    order = np.lexsort((ratings.film, ratings.user))
    user, film = ratings.user[order], ratings.film[order]
    again = np.zeros(len(ratings), dtype=bool)
    again[order[1:]] = (user[1:] == user[:-1]) & (film[1:] == film[:-1])
    return _rows(
        "duplicates", True, "ratings repeat a user and film that came before", ratings, again
    )


def _catalogue(ratings: Ratings, films: Films, _now: int) -> list[Finding]:
    import numpy as np

    unknown = ~np.isin(ratings.film, films.ids)
    share = float(unknown.mean()) if len(ratings) else 0.0
    fatal = share > _UNKNOWN_SHARE
    return _rows(
        "catalogue", fatal, "ratings are of films that the catalogue has not", ratings, unknown
    )


def _sameness(ratings: Ratings, _films: Films, _now: int) -> list[Finding]:
    if not len(ratings):
        return []
    shares = histogram(ratings.rating)
    most = float(shares.max())
    if most <= _SAME_SHARE:
        return []
    stars = (int(shares.argmax()) + 1) / 2
    detail = f"{100 * most:.0f} % of all ratings are {stars:g} stars, which says nothing of taste"
    return [Finding("sameness", True, detail, round(most * len(ratings)))]


def _ties(ratings: Ratings, _films: Films, _now: int) -> list[Finding]:
    import numpy as np

    rows = ratings.in_order()
    same = (rows.user[1:] == rows.user[:-1]) & (rows.at[1:] == rows.at[:-1])
    share = float(np.mean(same)) if len(same) else 0.0
    fatal = share > _TIED_SHARE
    detail = f"{int(same.sum())} ratings share the second of the user's rating before" + (
        ", so no order in time is left to split by" if fatal else "; ties are ordered by film"
    )
    return [Finding("order", fatal, detail, int(same.sum()))] if same.any() else []


def _compared(ratings: Ratings, before: Profile) -> list[Finding]:
    import numpy as np

    found = []
    if len(ratings) < _SHRUNK_SHARE * before.ratings:
        detail = (
            f"there are {len(ratings)} ratings where the champion was trained on {before.ratings}"
        )
        found.append(Finding("shrunk", True, detail, len(ratings)))
    distance = 0.5 * float(np.abs(histogram(ratings.rating) - np.array(before.histogram)).sum())
    if distance > _HISTOGRAM_DISTANCE:
        detail = (
            f"{100 * distance:.0f} % of the ratings have moved to other stars since the champion's set "
            f"(at most {100 * _HISTOGRAM_DISTANCE:.0f} % may)"
        )
        found.append(Finding("stars-moved", True, detail))
    agreement = _agreement(ratings, before)
    if agreement < _LEAST_RANK_AGREEMENT:
        detail = (
            "the films that were rated most are others than in the champion's set "
            f"(rank correlation {agreement:.2f}, at least {_LEAST_RANK_AGREEMENT:g} is wanted); ids may be mixed up"
        )
        found.append(Finding("films-moved", True, detail))
    return found


def _agreement(ratings: Ratings, before: Profile) -> float:
    """Spearman's correlation of how often the champion's most rated films are rated then and now."""
    import numpy as np
    from scipy.stats import spearmanr

    films = np.array([int(film) for film in before.top], dtype=np.int64)
    then = np.array(list(before.top.values()))
    known, counts = np.unique(ratings.film, return_counts=True)
    place = np.minimum(np.searchsorted(known, films), len(known) - 1)
    now = np.where(known[place] == films, counts[place], 0)
    if len(films) < _FEWEST_FILMS or np.all(then == then[0]) or np.all(now == now[0]):
        return 0.0 if not now.any() else 1.0
    return float(spearmanr(then, now).statistic)


def _rows(
    name: str,
    fatal: bool,
    what: str,
    ratings: Ratings,
    which: NDArray[np.bool_],
) -> list[Finding]:
    import numpy as np

    count = int(which.sum())
    if not count:
        return []
    places = np.flatnonzero(which)[:_EXAMPLES]
    examples = tuple(
        f"row {n + 1}: user {ratings.user[n]}, film {ratings.film[n]}, {ratings.rating[n]:g} stars at {ratings.at[n]}"
        for n in places
    )
    return [Finding(name, fatal, f"{count} {what}", count, examples)]
