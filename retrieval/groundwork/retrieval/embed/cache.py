"""Vectors that were computed before, by embedder and chunk digest. What a killed ingest goes on from."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

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


class VectorCache:
    """One SQLite file in WAL mode. A damaged file is set aside and begun anew: it can all be computed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._connect()
        except sqlite3.DatabaseError as error:
            aside = path.with_suffix(".damaged")
            _log.warning(
                "the vector cache is damaged (%s); kept as %s and begun anew", error, aside
            )
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            self._db = self._connect()

    def get_many(self, embedder: str, digests: Iterable[str]) -> dict[str, PassageVectors]:
        """Those that are known."""
        import numpy as np

        found: dict[str, PassageVectors] = {}
        wanted = iter(digests)
        while piece := list(islice(wanted, _PIECE)):
            marks = ",".join("?" * len(piece))
            query = f"SELECT digest, dense, units FROM vectors WHERE embedder = ? AND digest IN ({marks})"  # noqa: S608 only marks
            for digest, dense, units in self._db.execute(query, [embedder, *piece]):
                vector: NDArray[np.float32] = np.frombuffer(dense, dtype=np.float32)
                rows = None
                if units is not None:
                    rows = np.frombuffer(units, dtype=np.int8).reshape(-1, len(vector))
                found[digest] = PassageVectors(vector, rows)
        return found

    def known(self, embedder: str, digests: Iterable[str]) -> set[str]:
        """Which of these need no embedding."""
        found: set[str] = set()
        wanted = iter(digests)
        while piece := list(islice(wanted, _PIECE)):
            marks = ",".join("?" * len(piece))
            query = f"SELECT digest FROM vectors WHERE embedder = ? AND digest IN ({marks})"  # noqa: S608 only marks
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
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def prune(self, used: Mapping[str, Collection[str]], *, dry_run: bool = False) -> int:
        """Delete every vector but the digests in use, by embedder. Returns how many went (or would go)."""
        rows = self._db.execute("SELECT embedder, digest FROM vectors")
        going = [row for row in rows if row[1] not in used.get(row[0], ())]
        if going and not dry_run:
            with self._db:
                self._db.executemany("DELETE FROM vectors WHERE embedder = ? AND digest = ?", going)
            self._db.execute("VACUUM")
        return len(going)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30)
        db.execute("PRAGMA journal_mode=WAL")
        # A kill of the process loses nothing committed; only a power cut may, and it can be computed again.
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(_SCHEMA)
        db.execute("SELECT digest FROM vectors LIMIT 1").fetchone()
        return db
