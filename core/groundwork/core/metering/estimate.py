"""Self-hosting against an API, at a volume: exact arithmetic on assumptions that are all in the result."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from groundwork.core.errors import InvalidInput
from groundwork.core.money import format_dollars

HOURS_A_MONTH = 730
_PER_MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Amounts in picodollars; tokens are input and output together, a month.

    `tokens_per_second` is the measured throughput of one replica, `gpus` how many GPUs it takes, `utilisation` the
    percentage of that throughput which the traffic's shape lets it reach. `api_input` and `api_output` are prices
    of one token; `output_percent` is the share of output in all tokens.
    """

    gpu_hour: int
    tokens_per_second: int
    tokens: int
    api_input: int
    api_output: int
    gpus: int = 1
    utilisation: int = 40
    output_percent: int = 15

    def check(self) -> None:
        """Raises InvalidInput."""
        for name in ("gpu_hour", "tokens_per_second", "tokens", "gpus"):
            if getattr(self, name) <= 0:
                raise InvalidInput(f"{name} has to be above 0", field=name)
        for name, least in (("utilisation", 1), ("output_percent", 0)):
            if not least <= getattr(self, name) <= 100:
                raise InvalidInput(f"{name} is a percentage from {least} to 100", field=name)
        if self.api_input < 0 or self.api_output < 0 or not self.api_input + self.api_output:
            raise InvalidInput("the API's prices have to be above 0", field="api")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Costs a month in picodollars. `break_even` is in tokens a month; None where an API is always cheaper."""

    assumptions: Assumptions
    replicas: int
    capacity: int
    self_hosted: int
    api: int
    break_even: int | None

    @property
    def cheaper(self) -> str:
        """`self-hosting` or `api`; `api` where they are equal."""
        return "self-hosting" if self.self_hosted < self.api else "api"

    def to_dict(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        tokens = self.assumptions.tokens
        return {
            "tokens_a_month": tokens,
            "replicas": self.replicas,
            "capacity_tokens_a_month_and_replica": self.capacity,
            "busy_percent": round(100 * tokens / (self.replicas * self.capacity), 1),
            "self_hosted": {
                "amount": format_dollars(self.self_hosted),
                "per_million_tokens": format_dollars(self.self_hosted * _PER_MILLION // tokens),
            },
            "api": {
                "amount": format_dollars(self.api),
                "per_million_tokens": format_dollars(self.api * _PER_MILLION // tokens),
            },
            "cheaper": self.cheaper,
            "break_even_tokens_a_month": self.break_even,
        }


def estimate(given: Assumptions) -> Estimate:
    """Replicas run all month, so that idle time is paid for. Raises InvalidInput."""
    given.check()
    share = Fraction(given.utilisation, 100)
    capacity = int(given.tokens_per_second * 3600 * HOURS_A_MONTH * share)
    if not capacity:
        raise InvalidInput("that throughput is no token a month", field="tokens_per_second")
    replica = given.gpu_hour * HOURS_A_MONTH * given.gpus
    replicas = ceil(Fraction(given.tokens, capacity))
    output = Fraction(given.output_percent, 100)
    price = given.api_input * (1 - output) + given.api_output * output
    # One full replica has to beat the API, or no number of them does.
    least = ceil(replica / price)
    return Estimate(
        assumptions=given,
        replicas=replicas,
        capacity=capacity,
        self_hosted=replica * replicas,
        api=ceil(price * given.tokens),
        break_even=least if least <= capacity else None,
    )
