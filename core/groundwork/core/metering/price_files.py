"""Prices out of files: LiteLLM's table, or a YAML file of one's own. Read as decimals, never as floating point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.tables import MAX_PICODOLLARS
from groundwork.core.metering.tally import (
    CACHED_INPUT,
    GPU,
    INPUT,
    OUTPUT,
    PAGES,
    REASONING,
    REQUESTS,
    SEARCHES,
)
from groundwork.core.money import PICO_PER_DOLLAR

_LITELLM_METERS = {
    "input_cost_per_token": INPUT,
    "cache_read_input_token_cost": CACHED_INPUT,
    "output_cost_per_token": OUTPUT,
    "output_cost_per_reasoning_token": REASONING,
    "input_cost_per_request": REQUESTS,
    "input_cost_per_query": SEARCHES,
    "ocr_cost_per_page": PAGES,
}
_UNITS_OF = {"each": 1, "per_thousand": 10**3, "per_million": 10**6}
_GPU_HOUR = "per_gpu_hour"
_MICROSECONDS_AN_HOUR = 3_600 * 10**6
# What a 64-bit floating-point number carries for certain; digits beyond are noise of the arithmetic that made it.
_FLOAT = Context(prec=15)
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Price:
    """Whole picodollars for one unit of a meter of a model, from a UTC day on."""

    model: str
    meter: str
    unit_picodollars: int
    valid_from: str
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What a file says. `refused` gives a reason by model; no price of such a model is in `prices`.

    `tiered` are models whose price rises with the length of the prompt: only the base price is in `prices`.
    """

    prices: tuple[Price, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    tiered: tuple[str, ...] = ()


def read_prices(path: Path, valid_from: str, only: tuple[str, ...] = ()) -> PriceFile:
    """Read a file by its ending: .json is LiteLLM's table, .yaml or .yml ours. `only` are patterns of model names.

    Raises InvalidInput for what is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", field="FILE") from None
    if path.suffix == ".json":
        return _litellm(_parse_json(text, path), valid_from, only)
    if path.suffix in {".yaml", ".yml"}:
        return _yaml(_parse_yaml(text, path), valid_from, only)
    raise InvalidInput(f"{path} is neither .json (LiteLLM's table) nor .yaml", field="FILE")


def whole_picodollars(amount: Decimal, units: int = 1) -> int:
    """Picodollars a unit, where `units` units cost this many dollars. Raises ValueError where that is not whole."""
    for context in (_EXACT, _FLOAT):
        rounded = context.plus(amount)
        unit, rest = divmod(_EXACT.multiply(rounded, Decimal(PICO_PER_DOLLAR)), units)
        if rest == 0 and 0 <= unit <= MAX_PICODOLLARS:
            return int(unit)
    raise ValueError(
        f"{amount} for {units:,} is negative, too large or finer than a picodollar a unit"
    )


def _litellm(table: Mapping[str, Any], valid_from: str, only: tuple[str, ...]) -> PriceFile:
    prices: list[Price] = []
    refused: dict[str, str] = {}
    tiered: list[str] = []
    for model, entry in table.items():
        if model == "sample_spec" or not isinstance(entry, dict) or not _wanted(model, only):
            continue
        try:
            found = [
                Price(model, meter, whole_picodollars(_decimal(entry[name])), valid_from)
                for name, meter in _LITELLM_METERS.items()
                if entry.get(name) is not None
            ]
        except ValueError as error:
            refused[model] = str(error)
            continue
        prices += found
        if found and any("_cost_per_token_above_" in name for name in entry):
            tiered.append(model)
    return PriceFile(tuple(prices), refused, tuple(tiered))


def _yaml(document: Mapping[str, Any], valid_from: str, only: tuple[str, ...]) -> PriceFile:
    unknown = set(document) - {"currency", "valid_from", "prices"}
    models = document.get("prices")
    if unknown or not isinstance(models, dict):
        what = f"has {', '.join(sorted(unknown))}" if unknown else "has no prices"
        raise InvalidInput(
            f"the price file {what}; it takes currency, valid_from and prices", field="FILE"
        )
    day = str(document.get("valid_from", valid_from))
    currency = str(document.get("currency", "USD"))
    prices: list[Price] = []
    refused: dict[str, str] = {}
    for model, meters in models.items():
        if not _wanted(model, only):
            continue
        try:
            prices += [
                Price(model, meter, _unit_price(meter, given), day, currency)
                for meter, given in _mapping(meters, model).items()
            ]
        except ValueError as error:
            refused[model] = str(error)
    kept = [price for price in prices if price.model not in refused]
    return PriceFile(tuple(kept), refused)


def _unit_price(meter: str, given: Any) -> int:
    """`{per_million: "0.15"}`, `{each: "0.001"}`, or `{per_gpu_hour: "2.50"}` of the meter gpu_microseconds."""
    (basis, amount), *more = _mapping(given, meter).items() or [("", "")]
    if more:
        raise ValueError(f"{meter} has two prices")
    if basis == _GPU_HOUR and meter == GPU:
        # Rounded down: what the requests are not charged of the hour is charged as idle time.
        return whole_picodollars(_decimal(amount)) // _MICROSECONDS_AN_HOUR
    if basis not in _UNITS_OF:
        raise ValueError(f"{meter} is priced {basis!r}; use {', '.join(_UNITS_OF)} or {_GPU_HOUR}")
    return whole_picodollars(_decimal(amount), _UNITS_OF[basis])


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise ValueError(f"{value!r} is no amount")  # noqa: TRY004  # one kind of refusal for all values
    try:
        amount = Decimal(value)
    except DecimalException:
        raise ValueError(f"{value!r} is no amount") from None
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount")
    return amount


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{name} has no prices")
    return value


def _wanted(model: str, only: tuple[str, ...]) -> bool:
    return not only or any(fnmatchcase(model, pattern) for pattern in only)


def _parse_json(text: str, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise InvalidInput(f"{path} is no JSON: {error}", field="FILE") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} is no table of models", field="FILE")
    return document


def _parse_yaml(text: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        # The base loader leaves every number as the text it is.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # makes strings, lists and mappings only
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is no YAML: {error}", field="FILE") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} is no price file", field="FILE")
    return document
