"""A release as a service holds it: the ranker with people's features, loaded by whoever follows the registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from groundwork.classic.recommender.features.definitions import digest as features_digest
from groundwork.classic.recommender.features.online import OnlineFeatures, SqliteFeatures
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import LIKED
from groundwork.classic.recommender.recommend import Recommended
from groundwork.classic.recommender.release import FEATURES, load_ranker
from groundwork.core.errors import ConfigurationError, NotFound
from groundwork.core.registry.base import Registered

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Recommender:
    """What answers requests."""

    ranker: Ranker
    features: OnlineFeatures


class RecommenderLoader:
    """A `follow.Loader`."""

    def __init__(self, features: Path | None = None) -> None:
        """`features` is an online store that is kept fresh beside the releases; without one each brings its own."""
        self._features = features

    def load(self, release: Registered, folder: Path) -> Recommender:
        """From a release's files. Raises ConfigurationError where this code reads other features, or NotFound."""
        wanted, here = release.content.get("features"), features_digest()
        if wanted != here:
            raise ConfigurationError(
                f"{release.id} was trained with features {wanted}, this code has {here}; train it anew: "
                "groundwork train recommender --data FOLDER"
            )
        features = self._features or folder / FEATURES
        if not features.is_file():
            raise NotFound(f"there are no features at {features}", field="recommender.features")
        return Recommender(load_ranker(folder), SqliteFeatures(features))

    def close(self, value: Recommender, /) -> None:
        """Connections to the features."""
        value.features.close()


class Signals(Protocol):
    """Where figures of requests go that drift is watched by. Never raises and never blocks for long."""

    def add(self, part: str, release: str, values: dict[str, float | str], /) -> None:
        """Of one request: its ratings (`data`), what was answered (`prediction`), or what became of it (`reaction`)."""
        ...


class NoSignals:
    """Nobody watches."""

    def add(self, part: str, release: str, values: dict[str, float | str], /) -> None:
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
