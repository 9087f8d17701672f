"""Writing what Feast writes online, without Feast: a test holds it against the real thing."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from groundwork.classic.recommender.features.definitions import PROJECT, Kind, View
from groundwork.classic.recommender.features.wire import entity_key

_FIELD = {"int64": 4 << 3, "float32": 6 << 3 | 5, "int64s": 14 << 3 | 2, "float32s": 16 << 3 | 2}


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encoded(kind: Kind, value: Any) -> bytes:
    """A feast.types.Value."""
    if value is None:
        return b""
    tag = varint(_FIELD[kind])
    if kind == "int64":
        return tag + varint(value)
    if kind == "float32":
        return tag + struct.pack("<f", value)
    each = [varint(one) if kind == "int64s" else struct.pack("<f", one) for one in value]
    packed = b"".join(each)
    inner = b"\x0a" + varint(len(packed)) + packed if packed else b""
    return tag + varint(len(inner)) + inner


def write_online(path: Path, tables: Iterable[tuple[View, pa.Table]]) -> None:
    """The last row of each key of each table, in the layout of Feast's SQLite store."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made, made:
        for view, table in tables:
            name = f'"{PROJECT}_{view.name}"'
            made.execute(
                f"CREATE TABLE {name} (entity_key BLOB, feature_name TEXT, value BLOB, "
                "PRIMARY KEY (entity_key, feature_name))"
            )
            for row in table.to_pylist():
                key = entity_key(view.key, row[view.key])
                values = [
                    (key, one.name, encoded(one.kind, row[one.name])) for one in view.features
                ]
                statement = f"INSERT OR REPLACE INTO {name} VALUES (?, ?, ?)"  # noqa: S608 -- our own names
                made.executemany(statement, values)
