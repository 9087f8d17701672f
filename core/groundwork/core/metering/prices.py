"""The price book: integer picodollars per unit, by model and meter.

The embedded engines have no invoice, so their prices are what the processor time costs: one vCPU at 0.04 US dollars an hour is 11
picodollars per CPU-microsecond, times the CPU-microseconds a unit takes on two ordinary cores (`make bench`
prints them). They are rounded up once, here, and exact from then on.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import orjson

from groundwork.core.answers import Charge
from groundwork.core.errors import ConfigurationError
from groundwork.core.metering.postings import Line
from groundwork.core.metering.tally import CACHED_INPUT, GPU, INPUT, OUTPUT, REASONING, Tally

_log = logging.getLogger("groundwork.ledger")

EMBED = "embed"
RETRIEVE = "retrieve"
GENERATE = "generate"
RECOMMEND = "recommend"
OCR = "ocr"

# The note of a charge that nobody knew a price for.
UNPRICED = "no price known"

# 22 CPU-microseconds a token of the int8 MiniLM, 6 milliseconds a hybrid search, 4 microseconds a token read by
# the extractive generator, 3 milliseconds a request for recommendations, 0.3, 1.2 and 3 seconds a page read by our engine, by
# RapidOCR and by Tesseract; each times 11 picodollars.
_EMBEDDED: Mapping[tuple[str, str], int] = {
    ("all-MiniLM-L6-v2", "input_tokens"): 242,
    ("qdrant", "searches"): 66_000,
    ("extractive", "input_tokens"): 44,
    ("extractive", "output_tokens"): 44,
    ("recommender", "requests"): 33_000,
    ("ocr", "pages"): 3_300_000,
    ("rapidocr", "pages"): 13_200_000,
    ("tesseract", "pages"): 33_000_000,
}

# A book that says nothing else of these prices them like the meter they are a part of.
_PRICED_AS = {CACHED_INPUT: INPUT, REASONING: OUTPUT}
# A model is priced by its tokens or by its time on a GPU; where one has a price, the other is free.
_TIME = frozenset({GPU})
_TOKENS = frozenset({INPUT, CACHED_INPUT, OUTPUT, REASONING})


@dataclass(frozen=True)
class PriceBook:
    """Prices in picodollars a unit, by (model, meter). Immutable; a new price is a new book."""

    name: str
    prices: Mapping[tuple[str, str], int]
    currency: str = "USD"

    @cached_property
    def digest(self) -> str:
        """Names the book in a release."""
        rows = sorted([model, meter, price] for (model, meter), price in self.prices.items())
        return hashlib.sha256(orjson.dumps([self.name, self.currency, rows])).hexdigest()[:16]

    def price(self, model: str, meter: str) -> int | None:
        """Picodollars a unit; None where the book does not know."""
        price = self.prices.get((model, meter))
        if price is None and meter in _PRICED_AS:
            price = self.prices.get((model, _PRICED_AS[meter]))
        if price is None and self._priced_otherwise(model, meter):
            price = 0
        return price

    def charge(self, stage: str, model: str, meter: str, quantity: int) -> Charge:
        """One priced line. Raises ConfigurationError where the book has no such price."""
        return self._line(stage, model, meter, quantity, self._known(model, meter)).charge

    def require(self, models: Iterable[str]) -> None:
        """Raises ConfigurationError that names a model whose tokens have no price: asked before it is used."""
        for model in models:
            for meter in (INPUT, OUTPUT):
                self._known(model, meter)

    def require_meters(self, model: str, meters: Iterable[str]) -> None:
        """Raises ConfigurationError that names a meter of the model that has no price."""
        for meter in meters:
            self._known(model, meter)

    def estimate(self, model: str, prompt_tokens: int, completion_tokens: int) -> int:
        """The most that so many tokens can cost, in picodollars; 0 for what has no price."""
        prompt = max(self.price(model, meter) or 0 for meter in (INPUT, CACHED_INPUT))
        completion = max(self.price(model, meter) or 0 for meter in (OUTPUT, REASONING))
        return prompt_tokens * prompt + completion_tokens * completion

    def lines(self, tally: Tally) -> tuple[Line, ...]:
        """Everything that was used, priced. Never fails: what has no price costs 0 and says so in its note.

        An answer that is written already must be recorded; a correction can price it later.
        """
        lines = []
        for used in tally.lines():
            price = self.price(used.model, used.meter)
            line = self._line(used.stage, used.model, used.meter, used.quantity, price or 0)
            if price is None:
                line = replace(line, note=UNPRICED)
                self._warn(used.model, used.meter)
            lines.append(line)
        return tuple(lines)

    def charges(self, tally: Tally) -> tuple[Charge, ...]:
        """`lines`, as an answer shows them."""
        return tuple(line.charge for line in self.lines(tally))

    @cached_property
    def _warned(self) -> set[tuple[str, str]]:
        return set()

    def _warn(self, model: str, meter: str) -> None:
        """Once a book: every answer would say it again."""
        if (model, meter) not in self._warned:
            self._warned.add((model, meter))
            _log.warning(
                "%s of %s is charged 0: price book %s has no price for it", meter, model, self.name
            )

    def _known(self, model: str, meter: str) -> int:
        price = self.price(model, meter)
        if price is None:
            raise ConfigurationError(
                f"the price book {self.name} has no price for {meter} of {model}; add one (0 is allowed) "
                "with: groundwork cost prices import FILE",
                field="prices",
            )
        return price

    def _priced_otherwise(self, model: str, meter: str) -> bool:
        if meter in _TIME:
            return any((model, other) in self.prices for other in _TOKENS)
        return meter in _TOKENS and any((model, other) in self.prices for other in _TIME)

    @staticmethod
    def _line(stage: str, model: str, meter: str, quantity: int, price: int) -> Line:
        return Line(stage, meter, model, quantity, quantity * price, price)


def embedded_book(*free_models: str, currency: str = "USD") -> PriceBook:
    """Prices of the embedded engines; models named here besides cost nothing per token.

    In another currency than US dollars nothing has a price but what is imported.
    """
    if currency != "USD":
        return PriceBook("imported", {}, currency)
    prices = dict(_EMBEDDED)
    for model in free_models:
        prices.setdefault((model, INPUT), 0)
        prices.setdefault((model, OUTPUT), 0)
    return PriceBook("embedded-2026-11", prices)
