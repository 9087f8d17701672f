"""GPUs that are paid by the hour: the day's charges of their models, idle time and the bill add up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.database import reading
from groundwork.core.metering.ledger import Key, Ledger
from groundwork.core.metering.postings import Line, Posting, Request, day_of, day_start, now_ms
from groundwork.core.metering.tables import IDLE, charges, parts, whole
from groundwork.core.metering.tally import GPU

STAGE = "gpu"
_DAY_MS = 86_400_000
_HOURS = 24


@dataclass(frozen=True, slots=True)
class GpuPool:
    """GPUs that are there all day, and the models that run on nothing else. The price is for one GPU's hour."""

    name: str
    models: tuple[str, ...]
    picodollars_per_hour: int
    gpus: int = 1

    @property
    def day_bill(self) -> int:
        """What a day costs, used or not."""
        return self.picodollars_per_hour * self.gpus * _HOURS


@dataclass(frozen=True, slots=True)
class Closed:
    """How a day's bill was divided: `used` + `idle` = `bill`. `lowered` counts charges that were corrected."""

    day: str
    bill: int
    used: int
    idle: int
    lowered: int


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole amount by weights so that the parts add up to it: the method of the largest remainder.

    Equal remainders go by position. Raises ValueError where no weight is above 0.
    """
    whole_weight = sum(weights)
    if whole_weight <= 0 or min(weights) < 0:
        raise ValueError("weights have to be 0 or more, and one above 0")
    shares = [divmod(total * weight, whole_weight) for weight in weights]
    parts_ = [share for share, _ in shares]
    by_rest = sorted(range(len(shares)), key=lambda n: (-shares[n][1], n))
    for n in by_rest[: total - sum(parts_)]:
        parts_[n] += 1
    return parts_


def close_day(ledger: Ledger, pool: GpuPool, day: str, actor: str) -> Closed:
    """Post the day's idle time, or lower the charges where requests that ran side by side exceed the bill.

    Closing again after late charges brings the lines to the bill anew. Raises InvalidInput for a day that is not
    over.
    """
    try:
        start = day_start(day)
    except ValueError:
        raise InvalidInput(f"{day!r} is no day; give one such as 2026-11-25", field="day") from None
    if start + _DAY_MS > now_ms():
        raise InvalidInput(f"{day} is not over in UTC; close it tomorrow", field="day")
    if pool.picodollars_per_hour < 0 or pool.gpus < 1 or not pool.models:
        raise InvalidInput("a pool has models, GPUs and a price of 0 or more", field="models")
    rows = _charged(ledger, pool.models, day)
    used = sum(row["picodollars"] for row in rows)
    lowered = 0
    if used > pool.day_bill:
        lowered = _lower(ledger, rows, pool, actor)
        used = pool.day_bill
    idle = pool.day_bill - used
    _post_idle(ledger, pool, start, idle, actor)
    return Closed(day, pool.day_bill, used, idle, lowered)


def _post_idle(ledger: Ledger, pool: GpuPool, start: int, idle: int, actor: str) -> None:
    day = day_of(start)
    request = Request(f"gpu-{pool.name}-{day}", start, "unknown", model=pool.name, kind=IDLE)
    there = [row for row in ledger.charges_of(request.id) if row["stage"] == STAGE]
    microseconds = _DAY_MS * 1000 * pool.gpus
    if there:
        key: Key = (request.id, STAGE, GPU, pool.name, 0)
        ledger.correct(
            key, idle, quantity=microseconds, note=f"day {day} closed again", actor=actor
        )
        return
    note = f"{pool.gpus} GPUs on {day}: what no request was charged"
    line = Line(STAGE, GPU, pool.name, microseconds, idle, kind=IDLE, note=note)
    ledger.post(Posting(request, (line,)))


def _lower(ledger: Ledger, rows: list[dict[str, Any]], pool: GpuPool, actor: str) -> int:
    amounts = allocate(pool.day_bill, [max(0, row["picodollars"]) for row in rows])
    lowered = 0
    for row, amount in zip(rows, amounts, strict=True):
        key: Key = (row["request_id"], row["stage"], row["meter"], row["model"], 0)
        note = f"share of the GPUs' bill of pool {pool.name}"
        if ledger.correct(key, amount, quantity=row["quantity"], note=note, actor=actor):
            lowered += 1
    return lowered


def _charged(ledger: Ledger, models: Sequence[str], day: str) -> list[dict[str, Any]]:
    """What each charge of the day costs with its corrections, whenever those were made."""
    key = charges.c.request_id, charges.c.stage, charges.c.meter, charges.c.model
    that_day = (
        sql.select(charges.c.request_id)
        .where(charges.c.day == day, charges.c.model.in_(models), charges.c.correction_no == 0)
        .where(charges.c.at >= day_start(day), charges.c.at < day_start(day) + _DAY_MS)
        .where(charges.c.kind != IDLE)
    )
    amounts = parts(charges.c.picodollars)
    query = (
        sql.select(*key, sql.func.sum(charges.c.quantity), *amounts)
        .where(charges.c.request_id.in_(that_day), charges.c.model.in_(models))
        .where(charges.c.stage != STAGE)
        .group_by(*key)
        .order_by(*key)
    )
    names = ("request_id", "stage", "meter", "model")
    with reading(ledger.engine) as connection:
        return [
            {
                **dict(zip(names, row[:4], strict=True)),
                "quantity": int(row[4]),
                "picodollars": whole(row[5], row[6]),
            }
            for row in connection.execute(query)
        ]
