"""The price book: integer picodollars per unit, by model and meter.

The embedded engines have no invoice, so their prices are what the processor time costs: one vCPU at 0.04 US dollars an hour is 11
picodollars per CPU-microsecond, times the CPU-microseconds a unit takes on two ordinary cores (`make bench`
prints them). They are rounded up once, here, and exact from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from groundwork.core.answers import Charge
from groundwork.core.errors import ConfigurationError
from groundwork.core.metering.tally import CACHED_INPUT, INPUT, OUTPUT, REASONING, Tally

EMBED = "embed"
RETRIEVE = "retrieve"
GENERATE = "generate"

# 22 CPU-microseconds a token of the int8 MiniLM, 6 milliseconds a hybrid search, 4 microseconds a token read by
# the extractive generator; each times 11 picodollars.
_EMBEDDED: Mapping[tuple[str, str], int] = {
    ("all-MiniLM-L6-v2", "input_tokens"): 242,
    ("qdrant", "searches"): 66_000,
    ("extractive", "input_tokens"): 44,
    ("extractive", "output_tokens"): 44,
}

# A book that says nothing else of these prices them like the meter they are a part of.
_PRICED_AS = {CACHED_INPUT: INPUT, REASONING: OUTPUT}


@dataclass(frozen=True)
class PriceBook:
    """Prices in picodollars a unit, by (model, meter). Immutable; a new price is a new book."""

    name: str
    prices: Mapping[tuple[str, str], int]
    currency: str = "USD"

    @property
    def digest(self) -> str:
        """Names the book in a release."""
        rows = sorted([model, meter, price] for (model, meter), price in self.prices.items())
        return hashlib.sha256(orjson.dumps([self.name, self.currency, rows])).hexdigest()[:16]

    def charge(self, stage: str, model: str, meter: str, quantity: int) -> Charge:
        """One priced line. Raises ConfigurationError where the book has no such price."""
        price = self.prices.get((model, meter))
        if price is None and meter in _PRICED_AS:
            price = self.prices.get((model, _PRICED_AS[meter]))
        if price is None:
            raise ConfigurationError(
                f"the price book {self.name} has no price for {meter} of {model}; add one (0 is allowed)",
                field="prices",
            )
        return Charge(stage, meter, quantity, quantity * price)

    def charges(self, tally: Tally) -> tuple[Charge, ...]:
        """Everything that was used, priced. Raises ConfigurationError."""
        return tuple(
            self.charge(used.stage, used.model, used.meter, used.quantity) for used in tally.lines()
        )


def embedded_book(*free_models: str) -> PriceBook:
    """Prices of the embedded engines; models named here besides cost nothing per token."""
    prices = dict(_EMBEDDED)
    for model in free_models:
        prices.setdefault((model, INPUT), 0)
        prices.setdefault((model, OUTPUT), 0)
    return PriceBook("embedded-2026-11", prices)
