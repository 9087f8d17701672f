"""Vectors that were computed before, by embedder and chunk digest. What a killed ingest goes on from."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.core.errors import GroundworkError, Unavailable
from groundwork.retrieval.embed.base import PassageVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    embedder TEXT NOT NULL, digest TEXT NOT NULL, dense BLOB NOT NULL, units BLOB,
    PRIMARY KEY (embedder, digest)
) WITHOUT ROWID
"""
# SQLite's limit on variables in a statement is 32,766; smaller pieces keep the statement cache useful.
_PIECE = 500
# How long to wait for another process's commit.
_LOCK_SECONDS = 30.0
# Only these say that the file itself is bad; SQLITE_ERROR is what another table layout answers. A lock, a full
# disk or missing rights (all of them DatabaseError too) must never cost a good file that somebody may be writing.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})


class VectorCache:
    """One SQLite file in WAL mode. A damaged file is set aside and begun anew: it can all be computed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise _in_the_way(path, error) from error
            self._set_aside(error)
            self._db = self._connect()

    def get_many(self, embedder: str, digests: Iterable[str]) -> dict[str, PassageVectors]:
        """Those that are known."""
        import numpy as np

        found: dict[str, PassageVectors] = {}
        wanted = iter(digests)
        while piece := list(islice(wanted, _PIECE)):
            marks = ",".join("?" * len(piece))
            query = f"SELECT digest, dense, units FROM vectors WHERE embedder = ? AND digest IN ({marks})"  # noqa: S608 only marks
            with self._watched():
                rows = self._db.execute(query, [embedder, *piece]).fetchall()
            for digest, dense, units in rows:
                vector: NDArray[np.float32] = np.frombuffer(dense, dtype=np.float32)
                pooled = None
                if units is not None:
                    pooled = np.frombuffer(units, dtype=np.int8).reshape(-1, len(vector))
                found[digest] = PassageVectors(vector, pooled)
        return found

    def known(self, embedder: str, digests: Iterable[str]) -> set[str]:
        """Which of these need no embedding."""
        found: set[str] = set()
        wanted = iter(digests)
        while piece := list(islice(wanted, _PIECE)):
            marks = ",".join("?" * len(piece))
            query = f"SELECT digest FROM vectors WHERE embedder = ? AND digest IN ({marks})"  # noqa: S608 only marks
            with self._watched():
                found.update(row[0] for row in self._db.execute(query, [embedder, *piece]))
        return found

    def put_many(self, embedder: str, vectors: Mapping[str, PassageVectors]) -> None:
        """Keep these; committed before returning, so a kill costs at most the batch at hand."""
        rows = [
            (
                embedder,
                digest,
                vector.dense.tobytes(),
                None if vector.units is None else vector.units.tobytes(),
            )
            for digest, vector in vectors.items()
        ]
        with self._watched(), self._db:
            self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def prune(self, used: Mapping[str, Collection[str]], *, dry_run: bool = False) -> int:
        """Delete every vector but the digests in use, by embedder. Returns how many went (or would go)."""
        with self._watched():
            rows = self._db.execute("SELECT embedder, digest FROM vectors")
            going = [row for row in rows if row[1] not in used.get(row[0], ())]
            if going and not dry_run:
                with self._db:
                    self._db.executemany(
                        "DELETE FROM vectors WHERE embedder = ? AND digest = ?", going
                    )
                self._db.execute("VACUUM")
        return len(going)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_LOCK_SECONDS)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # A kill of the process loses nothing committed; only a power cut may, and it can be computed again.
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_SCHEMA)
            db.execute("SELECT embedder, digest, dense, units FROM vectors LIMIT 1").fetchone()
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Damage found later than at opening: set aside, so that the next run begins anew and not into it again."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise _in_the_way(self._path, error) from error
            with closing(self._db):
                self._set_aside(error)
            raise GroundworkError(
                f"the vector cache {self._path} is damaged ({error}) and was set aside; "
                "run the command again, it computes the vectors anew"
            ) from error

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        aside = self._path.with_suffix(".damaged")
        _log.warning("the vector cache is damaged (%s); kept as %s and begun anew", error, aside)
        self._path.replace(aside)
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # The low byte is the primary code, the rest its refinement (sqlite.org/rescode.html).
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _in_the_way(path: Path, error: sqlite3.DatabaseError) -> Unavailable:
    return Unavailable(
        f"the vector cache {path} cannot be used: {error}; end the other ingest, or free space and rights"
    )
