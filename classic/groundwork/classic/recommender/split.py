"""Splits: people who are never trained on, what of theirs is shown and what is asked; and splits in time.

Who is held out is decided by the user's id alone, so that no run can move them and no release has seen them: a champion can be
measured on a newer set beside the candidate without having learned its answers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.classic.recommender.ratings import LIKED, Ratings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The share of people set apart to measure releases, and how much of their latest ratings is asked.
HELD_OUT = 0.2
ASKED = 0.2
# People with fewer ratings are trained on but not measured: nothing would be left to show.
FEWEST = 5


@dataclass(frozen=True, slots=True)
class Holdout:
    """What is shown of some people, and what they liked of the rest. Both by user; each user of `users` has both."""

    users: NDArray[np.int64]
    history: Ratings
    targets: Ratings


def held_out(users: NDArray[np.int64], share: float = HELD_OUT) -> NDArray[np.bool_]:
    """Whether each user is set apart."""
    return _below(users, "held-out", share)


def fold(users: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Each user's part, 0 to `folds` - 1, for choosing between models."""
    import numpy as np

    return (_draw(users, "validation") * folds).astype(np.int64).clip(0, folds - 1)


def _below(users: NDArray[np.int64], what: str, share: float) -> NDArray[np.bool_]:
    below: NDArray[np.bool_] = _draw(users, what) < share
    return below


def _draw(users: NDArray[np.int64], what: str) -> NDArray[np.float64]:
    """A number in 0..1 per user that depends on nothing but the id."""
    import numpy as np

    distinct, place = np.unique(users, return_inverse=True)
    drawn = np.array(
        [
            int.from_bytes(hashlib.sha256(f"{what}\n{user}".encode()).digest()[:6], "big") / 2**48
            for user in distinct.tolist()
        ]
    )
    return drawn[place] if len(distinct) else drawn


def latest(ratings: Ratings, share: float = ASKED, *, fewest: int = FEWEST) -> Holdout:
    """Per user: the earlier ratings are shown, the liked ones among the latest `share` (at least one rating) are asked."""
    import numpy as np

    rows = ratings.in_order()
    _, start, count = np.unique(rows.user, return_index=True, return_counts=True)
    asked = np.maximum(1, np.floor(count * share)).astype(np.int64)
    place = np.arange(len(rows)) - np.repeat(start, count)
    late = place >= np.repeat(count - asked, count)
    enough = np.repeat(count >= fewest, count)
    return _holdout(rows.take(~late & enough), rows.take(late & enough & (rows.rating >= LIKED)))


def leave_last_out(ratings: Ratings) -> Holdout:
    """Per user: the last liked rating is asked, what came before it is shown."""
    import numpy as np

    rows = ratings.in_order()
    liked = np.flatnonzero(rows.rating >= LIKED)
    users, reverse = np.unique(rows.user[liked][::-1], return_index=True)
    last = liked[::-1][reverse]
    _, start = np.unique(rows.user, return_index=True)
    first = start[np.searchsorted(np.unique(rows.user), users)]
    before = np.zeros(len(rows), dtype=bool)
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        before[begin:end] = True
    return _holdout(rows.take(before), rows.take(last))


def shuffled(ratings: Ratings, share: float, seed: int) -> Holdout:
    """Per user: a random `share` is asked, the rest is shown; all ratings alike (the protocol of Liang et al. 2018)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = ratings.in_order()
    _, start, count = np.unique(rows.user, return_index=True, return_counts=True)
    order = np.lexsort((rng.random(len(rows)), rows.user))
    place = np.arange(len(rows)) - np.repeat(start, count)
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[order] = place < np.repeat((share * count).astype(np.int64), count)
    return _holdout(rows.take(~chosen), rows.take(chosen))


def at_time(ratings: Ratings, at: int) -> tuple[Ratings, Ratings]:
    """What was rated before this instant, and from it on."""
    return ratings.take(ratings.at < at), ratings.take(ratings.at >= at)


def temporal(ratings: Ratings, share: float = ASKED) -> tuple[Ratings, Ratings]:
    """Cut so that about this share of the ratings is in the later part."""
    import numpy as np

    cut = int(np.quantile(ratings.at, 1 - share, method="lower")) + 1
    return at_time(ratings, cut)


def temporal_holdout(ratings: Ratings, share: float = ASKED) -> tuple[Ratings, Holdout]:
    """What to train on, and people who were there before the cut with what they liked after it."""
    import numpy as np

    early, late = temporal(ratings, share)
    asked = late.take(late.rating >= LIKED)
    seen = early.take(np.isin(early.user, asked.user))
    return early, _holdout(seen.in_order(), asked.in_order())


def _holdout(history: Ratings, targets: Ratings) -> Holdout:
    """Only users who have both."""
    import numpy as np

    users = np.intersect1d(history.user, targets.user)
    return Holdout(
        users,
        history.take(np.isin(history.user, users)),
        targets.take(np.isin(targets.user, users)),
    )
