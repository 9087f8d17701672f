"""A report with what finance wants beside it. The API and the command line both show exactly this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.burn import burn_down, month_end, savings
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.reports import known_values, report
from groundwork.core.metering.spread import outliers, spreads

Section = Callable[[sql.Connection, CostQuery, int], Any]


def _spread(connection: sql.Connection, query: CostQuery, _now: int) -> Any:
    return [
        {"currency": key[0], **dict(zip(query.by, key[1:], strict=True)), **spread.to_dict()}
        for key, spread in sorted(spreads(connection, query).items())
    ]


SECTIONS: dict[str, Section] = {
    "spread": _spread,
    "outliers": lambda connection, query, _now: outliers(connection, query),
    "cache": lambda connection, query, _now: savings(connection, query),
    "budgets": lambda connection, query, now: burn_down(connection, query.where, now),
    "forecast": lambda connection, query, now: month_end(connection, query.where, now),
    "values": lambda connection, query, _now: known_values(connection, query),
}
"""What can be asked for besides the rows; `forecast` and `budgets` are of the period of `now`, not of the query."""


def summary(
    connection: sql.Connection, query: CostQuery, include: Iterable[str], now: int
) -> dict[str, Any]:
    """The report as JSON, and the sections asked for. `now` is in milliseconds. Raises InvalidInput."""
    wanted = tuple(dict.fromkeys(include))
    for name in wanted:
        if name not in SECTIONS:
            raise InvalidInput(
                f"there is no {name[:60]!r} to include; there are {', '.join(SECTIONS)}",
                field="include",
            )
    found = report(connection, query).to_dict()
    for name in wanted:
        found[name] = SECTIONS[name](connection, query, now)
    return found
