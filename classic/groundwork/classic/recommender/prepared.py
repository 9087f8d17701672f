"""What is written between the steps of a training: the ratings as columns, the catalogue, the checks, and the features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.recommender.arrays import pack, unpack
from groundwork.classic.recommender.check import Report
from groundwork.classic.recommender.features.definitions import USER
from groundwork.classic.recommender.features.store import FeatureStore
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.release import FEATURES
from groundwork.core.errors import NotFound

_RATINGS, _FILMS, _REPORT, _FEAST = "ratings.npz", "films.npz", "report.json", "features"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder."""

    folder: Path

    def write(self, ratings: Ratings, films: Films, report: Report) -> None:
        """Of ratings that passed the checks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        columns = {
            "user": ratings.user,
            "film": ratings.film,
            "rating": ratings.rating,
            "at": ratings.at,
        }
        (self.folder / _RATINGS).write_bytes(pack(columns))
        (self.folder / _FILMS).write_bytes(pack(films.arrays()))
        (self.folder / _REPORT).write_bytes(orjson.dumps(report.to_dict()))

    def write_features(self, ratings: Ratings, films: Films) -> None:
        """The offline tables, and the online store as of the last rating."""
        store = self.store()
        store.write(ratings, films)
        try:
            store.materialise(int(ratings.at.max()), self.folder / FEATURES)
        finally:
            store.close()

    def ratings(self) -> Ratings:
        """Raises NotFound."""
        return Ratings(**unpack(self._read(_RATINGS)))

    def films(self) -> Films:
        """Raises NotFound."""
        return Films.from_arrays(unpack(self._read(_FILMS)))

    def report(self) -> dict[str, Any]:
        """Of the checks, as JSON. Raises NotFound."""
        return dict(orjson.loads(self._read(_REPORT)))

    def store(self) -> FeatureStore:
        """Features, with point-in-time joins."""
        return FeatureStore(self.folder / _FEAST)

    @property
    def people(self) -> Path:
        """The offline table of people, which batches read."""
        return self.folder / _FEAST / f"{USER.name}.parquet"

    @property
    def features(self) -> Path:
        """The online store."""
        return self.folder / FEATURES

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        if not path.is_file():
            raise NotFound(f"{self.folder} holds no {name}; prepare first", field="prepared")
        return path.read_bytes()
