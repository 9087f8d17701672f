"""The rows that exports are made of, read through a server-side cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.database import reading
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.tables import charges

_AT_ONCE = 2000

ChargeRow = Mapping[Any, Any]
"""A row of `charges`, and `corrected_at`: when the charge that it corrects was made, else None."""


def charge_rows(engine: sql.Engine, query: CostQuery) -> Iterator[ChargeRow]:
    """Every charge of the period that passes the filters, oldest first. Raises Unavailable.

    One SELECT, so that all rows are of one snapshot, also while charges are written.
    """
    corrected = charges.alias("corrected")
    selected = (
        sql.select(charges, corrected.c.at.label("corrected_at"))
        .select_from(charges.outerjoin(corrected, charges.c.corrects == corrected.c.id))
        .where(*query.instants(charges), *query.conditions(charges))
        .order_by(charges.c.at, charges.c.id)
        .execution_options(stream_results=True, yield_per=_AT_ONCE)
    )
    with reading(engine) as connection:
        yield from connection.execute(selected).mappings()
