"""A database as one file, taken while others write to it: SQLite by its own copy, PostgreSQL by pg_dump."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from groundwork.core.errors import ConfigurationError, Conflict, Unavailable

_SQLITE = "sqlite:///"


def is_sqlite(url: str) -> bool:
    """Whether the URL names a file."""
    return url.startswith(_SQLITE)


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(url.removeprefix(_SQLITE))


def dump(url: str, target: Path) -> None:
    """One moment of the database. Raises Unavailable, and ConfigurationError where pg_dump is not installed."""
    if not is_sqlite(url):
        _run(
            "pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"]
        )
        return
    path = sqlite_path(url)
    if not path.is_file():
        raise Unavailable(f"there is no database at {path}")
    # SQLite's own copy: page by page, of one moment, while others write.
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def load(url: str, source: Path) -> None:
    """The database as it was dumped. Raises Conflict where something is there already."""
    if not is_sqlite(url):
        if _tables(url):
            raise Conflict(
                f"the database at {_shown(url)} is not empty; name one that is", field="ledger.url"
            )
        options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        _run("pg_restore", url, [*options, "--dbname", _database(url), str(source)], named=True)
        return
    path = sqlite_path(url)
    if path.exists():
        raise Conflict(f"there is a database at {path} already; move it away", field="home")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.restoring")
    shutil.copyfile(source, fresh)
    fresh.replace(path)


def _tables(url: str) -> int:
    import sqlalchemy as sql

    from groundwork.core.metering.database import open_engine

    engine = open_engine(url)
    try:
        return len(sql.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _run(program: str, url: str, options: list[str], *, named: bool = False) -> None:
    found = shutil.which(program) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))), None
    )
    if found is None:
        raise ConfigurationError(
            f"{program} is not installed; it comes with PostgreSQL's client (Debian: apt install "
            "postgresql-client)"
        )
    parts = urlsplit(url)
    # The password goes by the environment: other users of the machine see arguments.
    environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": unquote(parts.password or "")}
    place = ["--host", parts.hostname or "localhost", "--port", str(parts.port or 5432)]
    if parts.username:
        place += ["--username", unquote(parts.username)]
    command = [found, *place, "--no-password", *options, *([] if named else [_database(url)])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise Unavailable(f"{program} of {_shown(url)} failed: {said[0]}")


def _database(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}/{parts.path.lstrip('/')}"
