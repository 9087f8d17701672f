"""Old charges out of the ledger: exported first, deleted after, and written down who did it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sql

from groundwork.core.errors import Conflict, InvalidInput
from groundwork.core.metering.database import reading, writing
from groundwork.core.metering.events import note_event
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import day_of, day_start, now_ms
from groundwork.core.metering.tables import charges, parts, requests, retentions, whole

_ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Retired:
    """What went. `sha256` is of the compressed file."""

    rows: int
    picodollars: int
    path: Path
    sha256: str


def retire(ledger: Ledger, before: str, path: Path, actor: str) -> Retired:
    """Write the charges before a UTC day to a new .csv.gz, then delete them and their requests. Sums by day stay.

    Raises InvalidInput for a day in this month or a file that is there, Conflict where charges were added meanwhile.
    """
    limit = _limit(before)
    if path.exists():
        raise InvalidInput(f"{path} is there already; name a new file", field="to")
    rows = _export(ledger, limit, path)
    digest = _sha256(path)
    with writing(ledger.engine) as connection:
        there, total = _count(connection, limit)
        if there != rows:
            raise Conflict(
                f"{there - rows} charges before {before} came while they were exported; nothing was deleted, "
                "export them again",
                field="before",
            )
        row = {
            "at": now_ms(),
            "before_at": limit,
            "actor": actor,
            "export": str(path)[-512:],
            "export_sha256": digest,
            "rows": rows,
        }
        opened = connection.execute(sql.insert(retentions).values(row).returning(retentions.c.id))
        identity = opened.scalar_one()
        connection.execute(sql.delete(charges).where(charges.c.at < limit))
        connection.execute(sql.delete(requests).where(requests.c.at < limit))
        connection.execute(sql.update(retentions).where(retentions.c.id == identity).values(open=0))
        detail = {"before": before, "rows": rows, "export": str(path), "sha256": digest}
        note_event(connection, actor, "charges.retired", detail)
    return Retired(rows, total, path, digest)


def _limit(before: str) -> int:
    try:
        limit = day_start(before)
    except ValueError:
        raise InvalidInput(
            f"{before!r} is no day; give one such as 2026-01-01", field="before"
        ) from None
    if limit > day_start(f"{day_of(now_ms())[:7]}-01"):
        raise InvalidInput("charges of this month stay; give an earlier day", field="before")
    return limit


def _export(ledger: Ledger, limit: int, path: Path) -> int:
    """A file that is complete or not there; returns its rows."""
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("xb") as file:
            rows = _write(ledger, limit, file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", field="to") from None
    return rows


def _write(ledger: Ledger, limit: int, file: BinaryIO) -> int:
    count = 0
    with (
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow([column.name for column in charges.c])
        for row in _rows(ledger, limit):
            writer.writerow(row)
            count += 1
    return count


def _rows(ledger: Ledger, limit: int) -> Iterator[Any]:
    query = sql.select(charges).where(charges.c.at < limit).order_by(charges.c.id)
    with reading(ledger.engine) as connection:
        streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
        yield from streamed.execute(query)


def _count(connection: sql.Connection, limit: int) -> tuple[int, int]:
    amounts = parts(charges.c.picodollars)
    query = sql.select(sql.func.count(), *amounts).where(charges.c.at < limit)
    count, thousandths, rest = connection.execute(query).one()
    return int(count), whole(thousandths, rest)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
