"""Reading features online, in the service: Feast's SQLite store, without Feast.

The file is replaced as a whole when features are materialised anew; a reader notices by the next look-up. Reading a person takes
one query by primary key.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from groundwork.classic.recommender.features.definitions import FILM, PROJECT, USER, View
from groundwork.classic.recommender.features.records import Profile
from groundwork.classic.recommender.features.wire import entity_key, key_of, value_of
from groundwork.core.errors import Unavailable

if TYPE_CHECKING:
    import pyarrow as pa


class OnlineFeatures(Protocol):
    """The latest features. Safe to use from several threads."""

    def profile(self, user: int) -> Profile | None:
        """What is known of a person; None for one who never rated anything. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


class MemoryFeatures:
    """The latest rows of an offline table of people, in memory: for trials, and for tests."""

    def __init__(self, table: pa.Table) -> None:
        self._profiles: dict[int, Profile] = {}
        # Rows of one person ascend in time.
        for row in table.to_pylist():
            self._profiles[row[USER.key]] = Profile.of(_as_arrays(row))

    def profile(self, user: int) -> Profile | None:
        """Of the last row."""
        return self._profiles.get(user)

    def close(self) -> None:
        """Nothing is open."""


class SqliteFeatures:
    """Feast's online store at `path`. A store that is not there knows nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        self._closed = False

    def profile(self, user: int) -> Profile | None:
        """One query."""
        record = self.read(USER, user)
        return None if record is None or record["seen_films"] is None else Profile.of(record)

    def film(self, film: int) -> dict[str, Any] | None:
        """The features of a film."""
        return self.read(FILM, film)

    def read(self, view: View, key: int) -> dict[str, Any] | None:
        """By feature; None where there is nothing under this key. Raises Unavailable."""
        connection = self._connection()
        if connection is None:
            return None
        query = f'SELECT feature_name, value FROM "{PROJECT}_{view.name}" WHERE entity_key = ?'  # noqa: S608 -- our own names
        try:
            rows: Mapping[str, bytes] = dict(
                connection.execute(query, (entity_key(view.key, key),)).fetchall()
            )
        except sqlite3.Error as error:
            raise Unavailable(f"the online features {self._path} cannot be read: {error}") from None
        if not rows:
            return None
        return {feature.name: value_of(rows.get(feature.name, b"")) for feature in view.features}

    def everybody(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(user, features) of all people, in no order. Raises Unavailable."""
        connection = self._connection()
        if connection is None:
            return
        # By key, so that the values of one person come together.
        query = f'SELECT entity_key, feature_name, value FROM "{PROJECT}_{USER.name}" ORDER BY entity_key'  # noqa: S608 -- our own names
        try:
            rows = connection.execute(query)
            for key, values in groupby(rows, key=lambda row: row[0]):
                found = {name: value_of(value) for _, name, value in values}
                yield key_of(key), {one.name: found.get(one.name) for one in USER.features}
        except sqlite3.Error as error:
            raise Unavailable(f"the online features {self._path} cannot be read: {error}") from None

    def close(self) -> None:
        """Connections of all threads."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _connection(self) -> sqlite3.Connection | None:
        """This thread's, on the file that is there now."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        which = found.st_ino, found.st_mtime_ns
        held = getattr(self._local, "held", None)
        if held is not None and held[0] == which:
            return held[1]  # type: ignore[no-any-return]  # put there below
        with self._lock:
            if self._closed:
                raise Unavailable("the online features are closed")
            if held is not None and held[1] in self._open:
                self._open.remove(held[1])
                held[1].close()
            # The file is never written to once it is in place.
            address = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
            try:
                made = sqlite3.connect(address, uri=True, check_same_thread=False)
            except sqlite3.Error as error:
                raise Unavailable(
                    f"the online features {self._path} cannot be opened: {error}"
                ) from None
            self._open.append(made)
        self._local.held = which, made
        return made


def _as_arrays(row: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    kinds = {"int64s": np.int64, "float32s": np.float32}
    return {
        one.name: np.array(row[one.name], dtype=kinds[one.kind])
        if one.kind in kinds
        else row[one.name]
        for one in USER.features
    }
