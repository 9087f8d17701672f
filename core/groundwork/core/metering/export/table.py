"""The charges as they stand in the ledger, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from groundwork.core.metering.export.cells import Cell, Exact, encode
from groundwork.core.metering.export.rows import ChargeRow
from groundwork.core.metering.periods import iso
from groundwork.core.money import format_dollars

# Heading and column; text unless it is said otherwise below.
COLUMNS = {
    "charge": "id",
    "at": "at",
    "day": "day",
    "request": "request_id",
    "kind": "kind",
    "corrects": "corrects",
    "team": "team",
    "user": "user_id",
    "key": "key_id",
    "project": "project",
    "channel": "channel",
    "stage": "stage",
    "model": "model",
    "meter": "meter",
    "quantity": "quantity",
    "unit_picodollars": "unit_picodollars",
    "picodollars": "picodollars",
    "amount": "picodollars",
    "currency": "currency",
    "price_book": "price_book",
    "release": "release",
    "index": "index_name",
    "note": "note",
}


def as_csv(rows: Iterable[ChargeRow]) -> Iterator[bytes]:
    """A heading and a line for each charge. `amount` is the decimal text of `picodollars`."""
    return encode(chain([list(COLUMNS)], map(_cells, rows)))


def _cells(row: ChargeRow) -> list[Cell]:
    return [_cell(name, row[column]) for name, column in COLUMNS.items()]


def _cell(name: str, value: Cell) -> Cell:
    if isinstance(value, int) and name == "amount":
        return Exact(format_dollars(value))
    if isinstance(value, int) and name == "at":
        return Exact(iso(value))
    return Exact(value) if name == "day" else value
