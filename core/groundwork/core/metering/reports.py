"""Spend by anything, exact to the picodollar.

A report is read from the rollups, which the ledger keeps in the transaction of every charge, so that a million
answers are a few thousand rows. What no rollup knows (both who and what, or a part of a day) is summed from the
charges themselves. The sums are the same either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.periods import DAY_MS, Period, day_of, iso
from groundwork.core.metering.query import CostQuery, column_of, expression, within
from groundwork.core.metering.tables import (
    IDLE,
    KINDS,
    charges,
    parts,
    requests,
    rollups,
    rollups_callers,
    whole,
)
from groundwork.core.money import format_dollars

_USES = frozenset({"day", "month", "currency"} | {
    "kind", "team", "project", "stage", "model", "meter", "release", "index", "channel",
})  # fmt: skip
_CALLERS = frozenset({"day", "month", "currency", "kind", "team", "user", "key", "project", "channel"})  # fmt: skip
# A request has one of each; of models, stages and meters it has several.
_OF_REQUESTS = _CALLERS | {"release", "index"}
_WITH_QUANTITY = frozenset({"meter"})
MAX_CHOICES = 1000


@dataclass(slots=True)
class Amounts:
    """Sums of one group. `requests` and `quantity` are None where they would mean nothing."""

    charges: int = 0
    by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    requests: int | None = None
    quantity: int | None = None

    @property
    def picodollars(self) -> int:
        """Everything of the group."""
        return sum(self.by_kind.values())

    def to_dict(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        return {
            "requests": self.requests,
            "charges": self.charges,
            **({} if self.quantity is None else {"quantity": self.quantity}),
            "amount": format_dollars(self.picodollars),
            **{kind: format_dollars(amount) for kind, amount in self.by_kind.items()},
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One group: a value for each of `by`, its currency, its sums."""

    values: tuple[str, ...]
    currency: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Report:
    """Rows by falling amount, by rising day where days are asked for; one total a currency."""

    query: CostQuery
    rows: tuple[Row, ...]
    totals: Mapping[str, Amounts]

    def to_dict(self) -> dict[str, Any]:
        """As the API and `--json` show it."""
        period = self.query.period
        return {
            "from": None if period.start is None else iso(period.start),
            "to": None if period.end is None else iso(period.end),
            "by": list(self.query.by),
            "where": {name: list(values) for name, values in self.query.where.items()},
            "rows": [
                {
                    **dict(zip(self.query.by, row.values, strict=True)),
                    "currency": row.currency,
                    **row.amounts.to_dict(),
                }
                for row in self.rows
            ],
            "totals": [
                {"currency": currency, **amounts.to_dict()}
                for currency, amounts in self.totals.items()
            ],
        }


def report(connection: sql.Connection, query: CostQuery) -> Report:
    """Sum charges by group."""
    groups: dict[tuple[str, ...], Amounts] = {}
    for *key, kind, count, quantity, millis, rest in _sums(connection, query):
        amounts = groups.setdefault(tuple(key), Amounts())
        amounts.charges += int(count)
        amounts.by_kind[kind] += whole(millis, rest)
        if quantity is not None:
            amounts.quantity = (amounts.quantity or 0) + int(quantity)
    if query.dimensions <= _OF_REQUESTS:
        for amounts in groups.values():
            amounts.requests = 0
        for *key, count in _requests(connection, query):
            amounts = groups.setdefault(tuple(key), Amounts(requests=0))
            amounts.requests = int(count) + (amounts.requests or 0)
    rows = [Row(key[1:], key[0], amounts) for key, amounts in groups.items()]
    return Report(query, tuple(sorted(rows, key=_order(query))), _totals(rows))


def _order(query: CostQuery) -> Any:
    timed = [n for n, name in enumerate(query.by) if name in {"day", "month"}]
    return lambda row: (
        tuple(row.values[n] for n in timed),
        row.currency,
        -row.amounts.picodollars,
        row.values,
    )


def _totals(rows: Iterable[Row]) -> dict[str, Amounts]:
    totals: dict[str, Amounts] = {}
    for row in rows:
        total = totals.setdefault(row.currency, Amounts())
        total.charges += row.amounts.charges
        for kind, amount in row.amounts.by_kind.items():
            total.by_kind[kind] += amount
        if row.amounts.requests is not None:
            total.requests = (total.requests or 0) + row.amounts.requests
    return dict(sorted(totals.items()))


def _sums(connection: sql.Connection, query: CostQuery) -> Iterator[Any]:
    """(currency, *by, kind, charges, quantity, two parts of the amount), several a group."""
    rollup = _rollup(query)
    if rollup is None:
        yield from connection.execute(_summed(charges, query, query.instants(charges)))
        return
    period, first, after = query.period.days()
    if period.start is None or period.start != period.end:
        yield from connection.execute(_summed(rollup, query, within(rollup.c.day, first, after)))
    for edge in query.period.edges():
        conditions = within(charges.c.at, edge.start, edge.end)
        yield from connection.execute(_summed(charges, query, conditions))


def _rollup(query: CostQuery) -> sql.Table | None:
    # The first one has fewer rows where there are many users.
    if query.dimensions <= _USES:
        return rollups
    return rollups_callers if query.dimensions <= _CALLERS else None


def _summed(
    table: sql.Table, query: CostQuery, conditions: list[sql.ColumnElement[bool]]
) -> sql.Select[Any]:
    keys = [*_keys(table, query), table.c.kind]
    count: sql.ColumnElement[Any]
    if table is charges:
        count, amount = sql.func.count(), parts(table.c.picodollars)
    else:
        count = sql.func.sum(table.c.charges)
        amount = (sql.func.sum(table.c.millidollars), sql.func.sum(table.c.picodollars))
    quantity: sql.ColumnElement[Any] = sql.null()
    if query.dimensions & _WITH_QUANTITY:
        quantity = sql.func.sum(table.c.quantity)
    selected = sql.select(*keys, count, quantity, *amount)
    return selected.where(*conditions, *query.conditions(table)).group_by(*keys)


def _requests(connection: sql.Connection, query: CostQuery) -> Iterator[Any]:
    """(currency, *by, requests), several a group. Nobody asked for idle time, so it does not count."""
    if not query.dimensions <= _CALLERS:
        yield from connection.execute(_counted(query, query.period))
        return
    _, first, after = query.period.days()
    if query.period.start is None or query.period.start != query.period.end:
        days = [*within(rollups_callers.c.day, first, after), rollups_callers.c.requests > 0]
        keys = _keys(rollups_callers, query)
        summed = sql.select(*keys, sql.func.sum(rollups_callers.c.requests))
        conditions = (*days, *query.conditions(rollups_callers))
        yield from connection.execute(summed.where(*conditions).group_by(*keys))
    for edge in query.period.edges():
        yield from connection.execute(_counted(query, edge))


def _counted(query: CostQuery, period: Period) -> sql.Select[Any]:
    keys = _keys(requests, query)
    instants = within(requests.c.at, period.start, period.end)
    conditions = (*instants, requests.c.kind != IDLE, *query.conditions(requests))
    columns: list[sql.ColumnElement[Any]] = [*keys, sql.func.count()]
    return sql.select(*columns).where(*conditions).group_by(*keys)


def _keys(table: sql.Table, query: CostQuery) -> list[sql.ColumnElement[str]]:
    return [table.c.currency, *(expression(table, name) for name in query.by)]


def known_values(connection: sql.Connection, query: CostQuery) -> dict[str, list[str]]:
    """What filters can be set to in the period: the teams, models and so on that have charges.

    A filter by team holds for the others too, so that a team sees no names but its own.
    """
    start, end = query.period.start, query.period.end
    # A day that the period only touches counts: the list may be too long, never too short.
    first = None if start is None else day_of(start)
    after = None if end is None else day_of(end - 1 + DAY_MS)
    found = {}
    for table, names in (
        (rollups, ("kind", "team", "project", "stage", "model", "release", "index", "channel")),
        (rollups_callers, ("user", "key")),
    ):
        for name in names:
            selected = sql.select(table.c[column_of(name)]).distinct()
            selected = selected.where(*within(table.c.day, first, after)).limit(MAX_CHOICES)
            if "team" in query.where:
                selected = selected.where(table.c.team.in_(query.where["team"]))
            found[name] = sorted(connection.execute(selected).scalars())
    return found
