"""What a report asks for: a period, what to group by, and filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.periods import Period
from groundwork.core.metering.tables import KINDS

# What people call it, and the column.
DIMENSIONS: Mapping[str, str] = {
    "day": "day",
    "month": "day",
    "team": "team",
    "user": "user_id",
    "project": "project",
    "key": "key_id",
    "channel": "channel",
    "model": "model",
    "stage": "stage",
    "meter": "meter",
    "release": "release",
    "index": "index_name",
    "kind": "kind",
}
FILTERS = (*(name for name in DIMENSIONS if name not in {"day", "month"}), "currency")
MAX_VALUES = 100
ALWAYS = Period()


@dataclass(frozen=True)
class CostQuery:
    """`by` are names of DIMENSIONS, `where` maps names of FILTERS to the values that pass."""

    period: Period = ALWAYS
    by: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        period: Period,
        by: Iterable[str] = (),
        where: Mapping[str, Iterable[str]] | None = None,
    ) -> CostQuery:
        """Checked. Raises InvalidInput that names what is known."""
        groups = tuple(dict.fromkeys(by))
        for name in groups:
            if name not in DIMENSIONS:
                raise InvalidInput(
                    f"costs have no {name[:60]!r}; group by {', '.join(DIMENSIONS)}", field="by"
                )
        filters: dict[str, tuple[str, ...]] = {}
        for name, values in (where or {}).items():
            wanted = tuple(dict.fromkeys(values))
            if not wanted:
                continue
            if name not in FILTERS:
                raise InvalidInput(
                    f"costs have no {name[:60]!r}; filter by {', '.join(FILTERS)}", field=name[:60]
                )
            if name == "kind" and not set(wanted) <= set(KINDS):
                raise InvalidInput(f"a kind is one of {', '.join(KINDS)}", field="kind")
            if any("\0" in value for value in wanted):
                # PostgreSQL takes no such text.
                raise InvalidInput(f"a {name} has no NUL in it", field=name)
            if len(wanted) > MAX_VALUES:
                raise InvalidInput(f"give at most {MAX_VALUES} values of {name}", field=name)
            filters[name] = wanted
        return cls(period, groups, filters)

    @property
    def dimensions(self) -> frozenset[str]:
        """Every dimension that the answer depends on."""
        return frozenset(self.by) | frozenset(self.where)

    def conditions(self, table: sql.FromClause) -> list[sql.ColumnElement[bool]]:
        """The filters on a table that has the columns; the period is not among them."""
        return [
            table.c[column_of(name)].in_(values) if len(values) > 1 else
            table.c[column_of(name)] == values[0]
            for name, values in self.where.items()
        ]  # fmt: skip

    def instants(self, table: sql.FromClause) -> list[sql.ColumnElement[bool]]:
        """The period on a table with `at`."""
        return within(table.c.at, self.period.start, self.period.end)


def column_of(name: str) -> str:
    """The column of a dimension or filter."""
    return DIMENSIONS.get(name, name)


def expression(table: sql.FromClause, name: str) -> sql.ColumnElement[str]:
    """What to group by for a dimension."""
    column: sql.ColumnElement[str] = table.c[column_of(name)]
    return sql.func.substr(column, 1, 7) if name == "month" else column


def within(
    column: sql.ColumnElement[Any], start: int | str | None, end: int | str | None
) -> list[sql.ColumnElement[bool]]:
    """Half-open: from `start` on, before `end`."""
    found = []
    if start is not None:
        found.append(column >= start)
    if end is not None:
        found.append(column < end)
    return found
