"""MLflow writes down where files lie, from the root on: a registry that comes back elsewhere has to be told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# Every column of MLflow's tables that holds the place of a file.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def tell(database: Path, before: str, now: str) -> int:
    """Replace the beginning of every place; returns how many were replaced."""
    if before == now:
        return 0
    changed = 0
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in _PLACES:
            if table not in tables:
                continue
            # Names come from the list above, values are bound.
            query = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} LIKE ? ESCAPE '!'"  # noqa: S608
            escaped = before.replace("!", "!!").replace("%", "!%").replace("_", "!_")
            found = connection.execute(query, (now, len(before) + 1, f"{escaped}%"))
            changed += found.rowcount
    return changed
