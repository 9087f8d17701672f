"""Bodies kept between runs, so that an unchanged page costs one conditional request (RFC 9111)."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path

from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.base import digest_of

_SCHEMA = """CREATE TABLE IF NOT EXISTS response (
    url TEXT PRIMARY KEY, etag TEXT, last_modified TEXT, media_type TEXT NOT NULL, charset TEXT,
    digest TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID"""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A body, and by what the server recognises it."""

    etag: str | None
    last_modified: str | None
    media_type: str
    charset: str | None
    body: bytes

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for the body only if it changed."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


class HttpCache:
    """Responses by URL in one SQLite file; without a folder, in none: nothing is then found."""

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        if folder is None:
            return
        path = folder / "http-cache.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = _open(path)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(
                f"The cache of websites at {path} cannot be used: {error}. Delete it, or choose another "
                "folder.",
                field="http_cache_dir",
            ) from error

    def get(self, url: str) -> CachedResponse | None:
        """The response kept for the URL; one that was damaged on disk counts as none."""
        if self._database is None:
            return None
        row = self._database.execute(
            "SELECT etag, last_modified, media_type, charset, digest, body FROM response WHERE url = ?",
            (url,),
        ).fetchone()
        if row is None:
            return None
        etag, last_modified, media_type, charset, digest, packed = row
        try:
            body = zlib.decompress(packed)
        except zlib.error:
            return None
        if digest_of(body) != digest:
            return None
        return CachedResponse(etag, last_modified, media_type, charset, body)

    def put(self, url: str, response: CachedResponse) -> None:
        """Keep a response that the server can recognise again."""
        if self._database is None or not response.conditions:
            return
        row = (url, response.etag, response.last_modified, response.media_type, response.charset)
        packed = zlib.compress(response.body)
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO response VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, digest_of(response.body), packed),
            )

    def forget(self, url: str) -> None:
        """The page is gone, or may not be kept."""
        if self._database is not None:
            with self._database:
                self._database.execute("DELETE FROM response WHERE url = ?", (url,))

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    # One reading uses it from one thread at a time, though not always from the same one.
    database = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        with database:
            database.execute(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
