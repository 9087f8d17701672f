"""The sums by day that reports are made of, kept with every posting.

A million answers are four million charges and some hundreds of rollups, so a report need not read the charges. Both are written in
one transaction and cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.database import add_up
from groundwork.core.metering.tables import IDLE, PART, rollups, rollups_callers

_USED = tuple(column.name for column in rollups.primary_key)
_CALLERS = tuple(column.name for column in rollups_callers.primary_key)


def add_to_rollups(
    connection: sql.Connection,
    charge_rows: Sequence[dict[str, Any]],
    request_rows: Iterable[dict[str, Any]] = (),
) -> None:
    """Add charges, as rows of their table, to both sums; requests to the callers' count."""
    used: dict[tuple[str, ...], list[int]] = {}
    callers: dict[tuple[str, ...], list[int]] = {}
    for row in charge_rows:
        amount = row["picodollars"]
        for sums, names, count in ((used, _USED, row["quantity"]), (callers, _CALLERS, 0)):
            entry = sums.setdefault(tuple(row[name] for name in names), [0, 0, 0, 0])
            entry[0] += 1
            entry[1] += count
            entry[2] += amount // PART
            entry[3] += amount % PART
    for row in request_rows:
        if row["kind"] == IDLE:
            # Nobody asked for it.
            continue
        entry = callers.setdefault(tuple(row[name] for name in _CALLERS), [0, 0, 0, 0])
        entry[1] += 1
    _add(connection, rollups, _USED, ("charges", "quantity"), used)
    _add(connection, rollups_callers, _CALLERS, ("charges", "requests"), callers)


def _add(
    connection: sql.Connection,
    table: sql.Table,
    keys: tuple[str, ...],
    counts: tuple[str, str],
    sums: dict[tuple[str, ...], list[int]],
) -> None:
    names = (*keys, *counts, "millidollars", "picodollars")
    # In one order everywhere, so that two writers cannot wait for each other.
    rows = [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums)]
    add_up(connection, table, rows, *counts, "millidollars", "picodollars")
