"""What the ledger charged for a model in a period."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sql

from groundwork.core.metering.periods import Period
from groundwork.core.metering.query import within
from groundwork.core.metering.tables import IDLE, charges, parts, whole
from groundwork.core.metering.tally import CACHED_INPUT, INPUT, OUTPUT, REASONING

PROMPT_METERS = (INPUT, CACHED_INPUT)
GENERATED_METERS = (OUTPUT, REASONING)
TOKENS = (*PROMPT_METERS, *GENERATED_METERS)


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Tokens, requests and picodollars of one model; `idle` is not part of `picodollars`."""

    prompt: int
    generated: int
    requests: int
    picodollars: int
    idle: int

    @property
    def tokens(self) -> int:
        """Both kinds."""
        return self.prompt + self.generated


def used(
    connection: sql.Connection,
    model: str,
    period: Period,
    *,
    meter: str | None = None,
    currency: str | None = None,
) -> ModelUsage:
    """Corrections are in; `meter` and `currency` leave the others out."""
    conditions = [charges.c.model == model, *within(charges.c.at, period.start, period.end)]
    if currency is not None:
        conditions.append(charges.c.currency == currency)
    not_idle = list(conditions) if meter is None else [*conditions, charges.c.meter == meter]
    not_idle.append(charges.c.kind != IDLE)
    selected = sql.select(
        charges.c.meter, sql.func.sum(charges.c.quantity), *parts(charges.c.picodollars)
    ).where(*not_idle)
    prompt = generated = amount = 0
    for name, quantity, millis, rest in connection.execute(selected.group_by(charges.c.meter)):
        amount += whole(millis, rest)
        prompt += int(quantity) if name in PROMPT_METERS else 0
        generated += int(quantity) if name in GENERATED_METERS else 0
    counted = sql.select(sql.func.count(charges.c.request_id.distinct())).where(*not_idle)
    requests = int(connection.execute(counted).scalar_one())
    idle_sum = sql.select(*parts(charges.c.picodollars)).where(*conditions, charges.c.kind == IDLE)
    idle = whole(*connection.execute(idle_sum).one())
    return ModelUsage(prompt, generated, requests, amount, idle)
