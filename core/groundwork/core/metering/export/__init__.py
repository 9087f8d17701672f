"""Exports of charges: CSV, Parquet, FOCUS. Each is a stream of bytes in constant memory.

Every charge in the period is one row, corrections are rows of their own, and amounts are exact: the sum of any
export is the sum of the ledger's rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from groundwork.core.metering.export.rows import charge_rows

if TYPE_CHECKING:
    import sqlalchemy as sql

    from groundwork.core.metering.query import CostQuery
    from groundwork.core.settings import CostsSettings

Format = Literal["csv", "parquet", "focus"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "focus")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "focus": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}


def export(
    engine: sql.Engine, query: CostQuery, form: Format, settings: CostsSettings
) -> Iterator[bytes]:
    """The charges of a query as a file. Raises Unavailable.

    Nothing is read before the first chunk is asked for; `by` of the query does not matter.
    """
    rows = charge_rows(engine, query)
    if form == "csv":
        from groundwork.core.metering.export.table import as_csv

        return as_csv(rows)
    if form == "parquet":
        from groundwork.core.metering.export.parquet import as_parquet

        return as_parquet(rows)
    from groundwork.core.metering.export.focus import as_focus

    return as_focus(rows, settings)


def file_name(form: Format, query: CostQuery) -> str:
    """`groundwork-costs-2026-11-01-2026-12-01.csv`; open ends are left out."""
    from groundwork.core.metering.periods import day_of

    bounds = (query.period.start, query.period.end)
    days = [day_of(at) for at in bounds if at is not None]
    kind = "focus" if form == "focus" else "costs"
    suffix = "parquet" if form == "parquet" else "csv"
    return f"{'-'.join(['groundwork', kind, *days])}.{suffix}"
