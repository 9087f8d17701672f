"""The protocol that published tables use, so that figures here can be laid beside them: strong generalisation (Liang et al. 2018).

Ratings of four stars and more are likes, all others are dropped; people with fewer than five likes are dropped. Some people are
held out; models see nothing of them but what is shown: 80 % of each one's likes, at random. The other 20 % are asked, films that
the model cannot know are dropped, and lists are of films that the model knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.classic.recommender.ratings import LIKED, Films, Ratings
from groundwork.classic.recommender.split import FEWEST, Holdout, shuffled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Strong:
    """What to fit on, whom to measure on, and the films that both are about."""

    train: Ratings
    holdout: Holdout
    films: Films


def strong_generalisation(ratings: Ratings, films: Films, people: int, seed: int) -> Strong:
    """With so many people held out, drawn by the seed. On ML-20M the paper has 10,000 for test, and as many to choose by."""
    import numpy as np

    liked = ratings.take((ratings.rating >= LIKED) & np.isin(ratings.film, films.ids))
    liked = of_users(liked, with_at_least(liked, FEWEST))
    users = np.unique(liked.user)
    away = np.random.default_rng(seed).permutation(users)[:people]
    train = liked.take(~np.isin(liked.user, away))
    known = np.unique(train.film)
    asked = liked.take(np.isin(liked.user, away) & np.isin(liked.film, known))
    asked = of_users(asked, with_at_least(asked, FEWEST))
    places = np.flatnonzero(np.isin(films.ids, known))
    return Strong(train, shuffled(asked, 0.2, seed), films.take(places))


def with_at_least(ratings: Ratings, fewest: int) -> NDArray[np.int64]:
    """Users with so many ratings."""
    import numpy as np

    users, counts = np.unique(ratings.user, return_counts=True)
    return users[counts >= fewest]


def of_users(ratings: Ratings, users: NDArray[np.int64]) -> Ratings:
    """Only theirs."""
    import numpy as np

    return ratings.take(np.isin(ratings.user, users))
