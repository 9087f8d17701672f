"""Measuring a ranker on people who were not trained on: what is measured, by whom, with which intervals.

The protocol is written down in docs/recommender.md: earlier ratings are shown, liked ones among the latest are asked, what was
shown is never listed, and a film that the model does not know counts as missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender import metrics
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.split import Holdout
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.stats import Interval, interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NDCG_10, NDCG_100, RECALL_20, RECALL_50 = "ndcg@10", "ndcg@100", "recall@20", "recall@50"
BEATS_POPULARITY = "beats_popularity"
ACCURACY = (NDCG_10, NDCG_100, RECALL_20, RECALL_50)
_LENGTH = 100
_SHOWN = 10
_PEOPLE = 512
_SEED = 11
# Groups by how many ratings are shown, and by how well known the films are that somebody has seen.
GROUPS = (("fewer than 20 ratings", 0, 20), ("20 to 99", 20, 100), ("100 and more", 100, 1 << 62))


@dataclass(frozen=True)
class Measurement:
    """What came out, by person of `users`.

    `values` has the accuracy by metric, in 0..1; `beyond` novelty (bits), diversity (0..1), miscalibration (nats) of the
    first ten; `shown` is how many ratings each person's history has, `fame` how well known its films are (mean share).
    """

    users: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    beyond: Mapping[str, NDArray[np.float64]]
    coverage: float
    shown: NDArray[np.int64]
    fame: NDArray[np.float64]

    def mean(self, metric: str) -> float:
        """Of all people."""
        return float(self.values[metric].mean())

    def interval(self, metric: str, which: NDArray[np.bool_] | None = None) -> Interval:
        """The mean with its 95 % bootstrap interval over people, of all or of some."""
        chosen = {**self.values, **self.beyond}[metric]
        users = self.users
        if which is not None:
            chosen, users = chosen[which], users[which]
        return interval(chosen.tolist(), [str(user) for user in users], seed=_SEED)

    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Who is in which group; groups without anybody are left out."""
        import numpy as np

        found = {name: (self.shown >= low) & (self.shown < high) for name, low, high in GROUPS}
        middle = float(np.median(self.fame))
        found["seen what many have"] = self.fame > middle
        found["seen what few have"] = self.fame <= middle
        return {name: which for name, which in found.items() if which.any()}

    def figures(self) -> dict[str, float]:
        """Means of everything, for the registry."""
        found = {**self.values, **self.beyond}
        return {
            **{name: round(float(value.mean()), 6) for name, value in found.items()},
            "coverage@10": round(self.coverage, 6),
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON: each metric with its interval, over all and by group."""

        def shown(which: NDArray[np.bool_] | None) -> dict[str, Any]:
            rows = {}
            for name in (*self.values, *self.beyond):
                one = self.interval(name, which)
                rows[name] = [round(value, 4) for value in (one.mean, one.low, one.high)]
            return rows

        return {
            "people": len(self.users),
            "all": shown(None),
            "coverage@10": round(self.coverage, 4),
            "groups": {
                name: {"people": int(which.sum()), **shown(which)}
                for name, which in self.groups().items()
            },
        }

    def measured(self, name: str, popular: Measurement) -> Measured:
        """For the gate: an example a person. `popular` is popularity, measured on the same people."""
        import numpy as np

        ours, theirs = self.values[NDCG_100], popular.values[NDCG_100]
        beats = np.where(np.isclose(ours, theirs), 0.5, (ours > theirs).astype(float))
        columns = {**self.values, BEATS_POPULARITY: beats}
        names = [f"user/{user}" for user in self.users]
        examples = {
            name: {metric: round(float(column[n]), 6) for metric, column in columns.items()}
            for n, name in enumerate(names)
        }
        return Measured(name, examples, {name: name for name in names})


def measure(ranker: Ranker, holdout: Holdout, films: Films) -> Measurement:
    """Rank for everybody of the holdout. Films are counted by the catalogue `films`, whatever the ranker's own is.

    The holdout must have somebody.
    """
    import numpy as np

    lists = np.concatenate(
        [
            _lists(ranker, holdout.history, users)
            for users in np.array_split(holdout.users, max(1, -(-len(holdout.users) // _PEOPLE)))
        ]
    )
    found, amount = _hits(lists, holdout)
    values = {
        NDCG_10: metrics.ndcg(found, amount, 10),
        NDCG_100: metrics.ndcg(found, amount, 100),
        RECALL_20: metrics.recall(found, amount, 20),
        RECALL_50: metrics.recall(found, amount, 50),
    }
    shown = np.bincount(
        np.searchsorted(holdout.users, holdout.history.user), minlength=len(holdout.users)
    )
    places = _places(lists[:, :_SHOWN], films)
    share, fame = _fame(ranker, holdout, films, shown)
    beyond = {
        "novelty": metrics.novelty(places, share),
        "diversity": metrics.diversity(places, films.genre_matrix),
        "miscalibration": metrics.miscalibration(
            places, films.genre_matrix, _genres(holdout.history, holdout.users, films)
        ),
    }
    covered = metrics.coverage(lists[:, :_SHOWN], len(films))
    return Measurement(holdout.users, values, beyond, covered, shown, fame)


def _lists(ranker: Ranker, history: Ratings, users: NDArray[np.int64]) -> NDArray[np.int64]:
    """(users, 100) of film ids, best first, -1 where a list is shorter."""
    import numpy as np

    rows = history.take(np.isin(history.user, users))
    scores = ranker.score_many(rows, users)
    seen = _place_of(rows.film, ranker.films)
    row = np.searchsorted(users, rows.user)
    scores[row[seen >= 0], seen[seen >= 0]] = -np.inf
    lists = metrics.best(scores, _LENGTH)
    films = np.where(lists >= 0, ranker.films.ids[np.maximum(lists, 0)], -1)
    if films.shape[1] < _LENGTH:
        films = np.pad(films, ((0, 0), (0, _LENGTH - films.shape[1])), constant_values=-1)
    return films


def _hits(
    lists: NDArray[np.int64], holdout: Holdout
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(people, 100) whether each is a target, and how many targets each person has."""
    import numpy as np

    row = np.searchsorted(holdout.users, holdout.targets.user)
    amount = np.bincount(row, minlength=len(holdout.users))
    # One number a person and film, so that one look-up answers for all.
    key = int(max(lists.max(), holdout.targets.film.max())) + 2
    wanted = np.sort(row * key + holdout.targets.film)
    listed = np.arange(len(lists))[:, None] * key + lists
    place = np.minimum(np.searchsorted(wanted, listed), len(wanted) - 1)
    return (wanted[place] == listed) & (lists >= 0), amount


def _place_of(ids: NDArray[np.int64], films: Films) -> NDArray[np.int64]:
    import numpy as np

    place = np.minimum(np.searchsorted(films.ids, ids), len(films) - 1)
    return np.where(films.ids[place] == ids, place, -1)


def _places(lists: NDArray[np.int64], films: Films) -> NDArray[np.int64]:
    return _place_of(lists.ravel(), films).reshape(lists.shape)


def _fame(
    ranker: Ranker, holdout: Holdout, films: Films, shown: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(catalogue,) shares of people, and (people,) the mean share of what each has seen."""
    import numpy as np

    own = _place_of(films.ids, ranker.films)
    share = np.where(own >= 0, ranker.share_of_film[np.maximum(own, 0)], 0.0).astype(np.float32)
    # A film that nobody liked yet is as new as one that half a person did.
    share = np.maximum(share, np.float32(1e-4))
    place = _place_of(holdout.history.film, films)
    of_row = np.where(place >= 0, share[np.maximum(place, 0)], 0.0)
    row = np.searchsorted(holdout.users, holdout.history.user)
    total = np.bincount(row, weights=of_row, minlength=len(holdout.users))
    return share, total / np.maximum(shown, 1)


def _genres(history: Ratings, users: NDArray[np.int64], films: Films) -> NDArray[np.float32]:
    """(people, genres): the sum of the genres of what each has seen."""
    import numpy as np

    place = _place_of(history.film, films)
    known = place >= 0
    sums = np.zeros((len(users), films.genre_matrix.shape[1]), dtype=np.float32)
    np.add.at(sums, np.searchsorted(users, history.user[known]), films.genre_matrix[place[known]])
    return sums
