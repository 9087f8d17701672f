"""What an answer costs: mean, percentiles, and the answers that stand out.

Percentiles are by nearest rank: the p-th of n amounts in rising order is number ceil(n * p / 100), so each is the
cost of an answer that exists. Only the mean is rounded, down to a picodollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.periods import iso
from groundwork.core.metering.query import CostQuery, expression
from groundwork.core.metering.tables import USAGE, charges, parts, requests, whole
from groundwork.core.money import format_dollars

PERCENTILES = (25, 50, 75, 90, 99)
# What a person received something for; failed and cancelled requests are spend without an answer.
ANSWERS = ("answered", "abstained", "cached")
# Three interquartile ranges above the third quartile: Tukey's outer fence, "far out".
# J. W. Tukey, Exploratory Data Analysis (1977), section 2D.
_FENCE = 3
_OF_REQUESTS = frozenset({
    "day", "month", "kind", "team", "user", "project", "key", "channel", "model", "release", "index", "currency",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """Costs of answers in picodollars. `percentiles` has each of PERCENTILES."""

    answers: int
    picodollars: int
    lowest: int
    highest: int
    percentiles: Mapping[int, int]

    @property
    def mean(self) -> int:
        """Rounded down to a picodollar."""
        return self.picodollars // self.answers

    @property
    def fence(self) -> int:
        """An answer that cost more than this stands out."""
        low, high = self.percentiles[25], self.percentiles[75]
        return high + _FENCE * (high - low)

    def to_dict(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        return {
            "answers": self.answers,
            "amount": format_dollars(self.picodollars),
            "mean": format_dollars(self.mean),
            "lowest": format_dollars(self.lowest),
            **{f"p{p}": format_dollars(amount) for p, amount in self.percentiles.items()},
            "highest": format_dollars(self.highest),
            "outliers_above": format_dollars(self.fence),
        }


def spreads(connection: sql.Connection, query: CostQuery) -> dict[tuple[str, ...], Spread]:
    """By (currency, *by). Raises InvalidInput where a request has several of a dimension (stage, meter)."""
    _checked(query)
    ranks = _ranked(query)
    keys = [ranks.c[f"k{n}"] for n in range(len(query.by) + 1)]
    aggregates = [
        sql.func.max(ranks.c.answers),
        *parts(ranks.c.picodollars),
        sql.func.min(ranks.c.picodollars),
        sql.func.max(ranks.c.picodollars),
        *(sql.func.max(sql.case((_nearest(ranks, p), ranks.c.picodollars))) for p in PERCENTILES),
    ]
    found = {}
    for row in connection.execute(sql.select(*keys, *aggregates).group_by(*keys)):
        key = tuple(row[: len(keys)])
        count, millis, rest, lowest, highest, *values = row[len(keys) :]
        percentiles = dict(zip(PERCENTILES, map(int, values), strict=True))
        found[key] = Spread(int(count), whole(millis, rest), int(lowest), int(highest), percentiles)
    return found


def _nearest(ranks: sql.Subquery, percent: int) -> sql.ColumnElement[bool]:
    """Whether a row's number is the smallest n with n * 100 >= answers * percent."""
    wanted = ranks.c.answers * percent
    return sql.and_(ranks.c.n * 100 >= wanted, (ranks.c.n - 1) * 100 < wanted)


def _ranked(query: CostQuery) -> sql.Subquery:
    keys = [requests.c.currency, *(expression(requests, name) for name in query.by)]
    labelled = [key.label(f"k{n}") for n, key in enumerate(keys)]
    number = sql.func.row_number().over(partition_by=keys, order_by=requests.c.picodollars)
    selected = sql.select(
        *labelled,
        requests.c.picodollars,
        number.label("n"),
        sql.func.count().over(partition_by=keys).label("answers"),
    )
    return selected.where(*_answered(query)).subquery()


def _answered(query: CostQuery) -> list[sql.ColumnElement[bool]]:
    conditions = [requests.c.outcome.in_(ANSWERS), *query.instants(requests)]
    if "kind" not in query.where:
        conditions.append(requests.c.kind == USAGE)
    return conditions + query.conditions(requests)


def _checked(query: CostQuery) -> None:
    several = sorted(query.dimensions - _OF_REQUESTS)
    if several:
        raise InvalidInput(
            f"an answer has several values of {', '.join(several)}; its cost cannot be split so",
            field="by",
        )


def outliers(connection: sql.Connection, query: CostQuery, limit: int = 20) -> list[dict[str, Any]]:
    """The dearest answers, dearest first, as JSON; none of their questions or texts."""
    _checked(query)
    selected = sql.select(requests).where(*_answered(query))
    ordered = selected.order_by(requests.c.picodollars.desc(), requests.c.request_id).limit(limit)
    return [_described(row) for row in connection.execute(ordered).mappings()]


def request_detail(connection: sql.Connection, request_id: str) -> dict[str, Any]:
    """One request with its charges, corrections included, oldest first. Raises NotFound."""
    unknown = NotFound(f"the ledger has no request {request_id[:80]}", field="request")
    if "\0" in request_id:
        # PostgreSQL takes no such text.
        raise unknown
    of_request = sql.select(requests).where(requests.c.request_id == request_id)
    row = connection.execute(of_request).mappings().one_or_none()
    selected = sql.select(charges).where(charges.c.request_id == request_id)
    found = connection.execute(selected.order_by(charges.c.id)).mappings().all()
    if row is None and not found:
        raise unknown
    described = (
        {"request": request_id, "team": found[0]["team"]} if row is None else _described(row)
    )
    return {**described, "charges": [_charge(each) for each in found]}


def _described(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = {"request": "request_id", "user": "user_id", "key": "key_id", "index": "index_name"}
    plain = (
        "team", "project", "channel", "kind", "outcome", "model", "release", "currency", "prompt_tokens",
        "cached_tokens", "completion_tokens", "reasoning_tokens", "latency_ms", "trace_id",
    )  # fmt: skip
    return {
        "at": iso(row["at"]),
        **{name: row[column] for name, column in names.items()},
        **{name: row[name] for name in plain},
        "amount": format_dollars(int(row["picodollars"])),
        "cache_saved": format_dollars(int(row["cache_saved_picodollars"])),
    }


def _charge(row: Mapping[Any, Any]) -> dict[str, Any]:
    unit = row["unit_picodollars"]
    return {
        "id": row["id"],
        "at": iso(row["at"]),
        **{name: row[name] for name in ("kind", "stage", "meter", "model", "quantity")},
        "unit_amount": None if unit is None else format_dollars(int(unit)),
        "amount": format_dollars(int(row["picodollars"])),
        **{name: row[name] for name in ("currency", "price_book", "corrects", "note")},
    }
