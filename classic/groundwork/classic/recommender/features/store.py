"""Feast: offline with point-in-time joins on Parquet by duckdb, online on SQLite. Only training and batches come here.

The `file` offline store of Feast 0.67 drops rows whose features are all later than the event; duckdb's keeps them, with what is
missing as missing, and a test holds it to that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.features.compute import film_table, user_table
from groundwork.classic.recommender.features.definitions import (
    EVENT,
    FILM,
    PROJECT,
    USER,
    VIEWS,
    View,
)
from groundwork.classic.recommender.features.records import rows_of
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import environment_kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger("groundwork.recommender")

ONLINE = "online.db"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moments:
    """Whose features are asked for, and as of when: ids and UTC seconds of equal length."""

    keys: NDArray[np.int64]
    at: NDArray[np.int64]


class FeatureStore:
    """Features of one set of ratings in a folder: Parquet, Feast's registry, and the online store while it is made."""

    def __init__(self, folder: Path, offline: str = "duckdb") -> None:
        self._folder = folder
        self._offline = offline
        self._feast: Any = None

    def write(self, ratings: Ratings, films: Films) -> None:
        """The offline tables, each whole or not at all. Films that the catalogue has not are left out."""
        import numpy as np
        from pyarrow import parquet

        self._folder.mkdir(parents=True, exist_ok=True)
        known = ratings.take(np.isin(ratings.film, films.ids))
        for view, table in ((USER, user_table(known, films)), (FILM, film_table(known))):
            temporary = self._folder / f".{view.name}.new"
            parquet.write_table(table, temporary)
            temporary.replace(self._path(view))

    def written(self) -> bool:
        """Whether all offline tables are there."""
        return all(self._path(view).is_file() for view in VIEWS)

    def last_at(self) -> int:
        """The time of the latest rating in the offline tables, in UTC seconds."""
        import pyarrow.compute as pc
        from pyarrow import parquet

        column = parquet.read_table(self._path(USER), columns=["user_last_at"]).column(0)
        return int(pc.max(column).as_py())

    def at(self, view: View, moments: Moments) -> list[dict[str, Any] | None]:
        """The features of each key as they were known at its time, in the order asked; None where nothing was known.

        Raises ConfigurationError where the offline store loses rows.
        """
        import pyarrow as pa

        when = pa.array(moments.at * 1_000_000, pa.timestamp("us", tz="UTC"))
        rows = pa.array(range(len(moments.keys)), pa.int64())
        asked = pa.table({view.key: moments.keys, EVENT: when, "_row": rows}).to_pandas()
        with _quiet():
            job = self._opened().get_historical_features(asked, features=view.references)
            table = job.to_arrow().sort_by("_row")
        if table.num_rows != len(moments.keys):
            raise ConfigurationError(
                f"the offline store {self._offline} gave {table.num_rows} rows for {len(moments.keys)} moments; use duckdb"
            )
        columns = {one.name: table.column(one.name).to_pylist() for one in view.features}
        return rows_of(view, columns)

    def materialise(self, until: int, target: Path) -> None:
        """Write the online store as of `until` (UTC seconds) to `target`, which is replaced as a whole."""
        self._made().unlink(missing_ok=True)
        store = self._opened(again=True)
        with _quiet():
            store.materialize(_LONG_AGO, datetime.fromtimestamp(until, UTC) + timedelta(seconds=1))
        # Its connection holds the file; what is renamed must be complete.
        self.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._made())) as made:
            made.execute("PRAGMA journal_mode=DELETE")
        self._made().replace(target)

    def online(self, view: View, keys: list[int]) -> list[dict[str, Any] | None]:
        """What Feast itself reads from the online store that was made last and is still here. For tests."""
        with _quiet():
            found = self._opened().get_online_features(
                features=view.references, entity_rows=[{view.key: key} for key in keys]
            )
        return rows_of(view, found.to_dict())

    def close(self) -> None:
        """Let go of Feast's connections."""
        if self._feast is not None:
            provider = self._feast._get_provider()  # noqa: SLF001  # its own close() leaves SQLite open
            connection = getattr(provider.online_store, "_conn", None)
            if connection is not None:
                connection.close()
            self._feast = None

    def _made(self) -> Path:
        return self._folder / ONLINE

    def _path(self, view: View) -> Path:
        return self._folder / f"{view.name}.parquet"

    def _opened(self, *, again: bool = False) -> Any:
        """Feast on this folder, with the views applied."""
        if self._feast is not None and not again:
            return self._feast
        self.close()
        # It sets variables that turn the process' own metrics into files.
        with _quiet(), environment_kept():
            import feast

            config = feast.RepoConfig(
                project=PROJECT,
                provider="local",
                registry=str(self._folder / "registry.db"),
                online_store={"type": "sqlite", "path": str(self._made())},
                offline_store={"type": self._offline},
                entity_key_serialization_version=3,
            )
            store = feast.FeatureStore(config=config)
            store.apply([one for view in VIEWS for one in self._objects(view)])
        self._feast = store
        return store

    def _objects(self, view: View) -> tuple[Any, Any]:
        """Feast's entity and view."""
        from feast import Entity, FeatureView, Field, FileSource, ValueType
        from feast.types import Array, Float32, Int64

        types = {
            "int64": Int64,
            "float32": Float32,
            "int64s": Array(Int64),
            "float32s": Array(Float32),
        }
        entity = Entity(name=view.entity, join_keys=[view.key], value_type=ValueType.INT64)
        return entity, FeatureView(
            name=view.name,
            entities=[entity],
            # Zero is for ever: tastes do not expire.
            ttl=timedelta(0),
            schema=[
                Field(name=one.name, dtype=types[one.kind], description=one.about)
                for one in view.features
            ],
            source=FileSource(
                name=f"{view.name}_source", path=str(self._path(view)), timestamp_field=EVENT
            ),
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Feast prints what it does, and its libraries warn about each other."""
    with (
        warnings.catch_warnings(),
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        yield
