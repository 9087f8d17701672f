"""A release as a service holds it: loaded by whoever follows the registry, asked by requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import LIKED
from groundwork.classic.recommender.recommend import Recommended
from groundwork.classic.recommender.release import check_features, load
from groundwork.core.registry.base import Registered

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class RankerLoader:
    """A `follow.Loader`."""

    def load(self, release: Registered, folder: Path) -> Ranker:
        """From a release's files. Raises ConfigurationError or NotFound."""
        check_features(release)
        return load(folder)

    def close(self, value: Ranker, /) -> None:
        """Numbers need no closing."""


class Signals(Protocol):
    """Where figures of requests go that drift is watched by. Never raises and never blocks for long."""

    def add(self, name: str, release: str, values: dict[str, float | str]) -> None:
        """One request: its features (`data`) or what was answered (`prediction`)."""
        ...


class NoSignals:
    """Nobody watches."""

    def add(self, name: str, release: str, values: dict[str, float | str]) -> None:
        """Dropped."""


def data_signals(rated: int, stars: ArrayLike) -> dict[str, float | str]:
    """Of the ratings that a request was answered from: how many, their mean, the share of four stars and more."""
    import numpy as np

    values = np.asarray(stars, dtype=np.float32)
    if not len(values):
        return {"rated": 0.0}
    return {
        "rated": float(rated),
        "mean_stars": float(values.mean()),
        "liked_share": float((values >= LIKED).mean()),
    }


def prediction_signals(found: Recommended) -> dict[str, float | str]:
    """Of an answer: whose ratings decided, the best and the mean score, and the mean year of what was recommended."""
    scores = [pick.score for pick in found.picks]
    years = [pick.year for pick in found.picks if pick.year]
    signals: dict[str, float | str] = {"basis": found.basis}
    if scores:
        signals |= {"best_score": scores[0], "mean_score": sum(scores) / len(scores)}
    if years:
        signals["mean_year"] = sum(years) / len(years)
    return signals
