"""The charges in the FinOps Open Cost and Usage Specification, FOCUS 1.2 to 1.4, as CSV.

All 23 names that are mandatory in one of these versions are there, the conditional ones that the ledger can fill,
and our own, prefixed x_, last. 1.4 renamed ProviderName and PublisherName; both names are written.

A correction is a row of its own in the billing period in which it was made; its charge period is that of the charge
it corrects (FOCUS 1.3, Correction Handling: append-only, accounting style). An answer's cost is final once it is
given, so every correction is of something invoiced and has ChargeClass Correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.metering.export.cells import Cell, Exact, encode
from groundwork.core.metering.export.rows import ChargeRow
from groundwork.core.metering.periods import DAY_MS, iso, month_start, next_month
from groundwork.core.metering.tables import CORRECTION, IDLE
from groundwork.core.money import format_dollars

if TYPE_CHECKING:
    from groundwork.core.settings import CostsSettings

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
    "ServiceProviderName",
)  # fmt: skip
CONDITIONAL = (
    "ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory",
    "ResourceId", "ResourceName", "ResourceType", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId",
    "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
)  # fmt: skip
OWN = (
    "x_Channel", "x_ChargeId", "x_CorrectsChargeId", "x_IndexName", "x_KeyId", "x_Kind", "x_Meter", "x_Model",
    "x_Picodollars", "x_PriceBook", "x_Project", "x_Release", "x_RequestId", "x_Stage", "x_UserId",
)  # fmt: skip
COLUMNS = (*MANDATORY, *CONDITIONAL, *OWN)

_SHARE = "Units"


def as_focus(rows: Iterable[ChargeRow], settings: CostsSettings) -> Iterator[bytes]:
    """A heading and a line for each charge."""
    parties = _parties(settings)
    return encode(chain([COLUMNS], (_line(row, parties) for row in rows)))


def _line(row: ChargeRow, parties: dict[str, Cell]) -> list[Cell]:
    cells = {**parties, **_amounts(row), **_periods(row), **_service(row), **_own(row)}
    return [cells[name] for name in COLUMNS]


def _parties(settings: CostsSettings) -> dict[str, Cell]:
    return {
        "BillingAccountId": settings.billing_account_id,
        "BillingAccountName": settings.billing_account_name,
        "HostProviderName": settings.host_provider,
        "InvoiceIssuerName": settings.provider,
        "ProviderName": settings.provider,
        "PublisherName": settings.provider,
        "ServiceProviderName": settings.provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": "Groundwork",
    }


def _amounts(row: ChargeRow) -> dict[str, Cell]:
    """Nothing is discounted or amortised, so that all four costs are one; quantity times price is exactly it.

    A share of a bill was divided and has no unit price; it is priced as one unit of its amount.
    """
    cost = Exact(format_dollars(row["picodollars"]))
    correction = row["kind"] == CORRECTION
    quantity: Cell = row["quantity"]
    unit, price = unit_of(row["meter"]), row["unit_picodollars"]
    priced = Exact(format_dollars(row["picodollars"] if price is None else price))
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost),
        "BillingCurrency": row["currency"],
        "PricingQuantity": 1 if price is None else quantity,
        "PricingUnit": _SHARE if price is None else unit,
        **dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), priced),
        # A quantity that was consumed is positive; a correction consumes nothing.
        "ConsumedQuantity": None if correction or row["quantity"] <= 0 else quantity,
        "ConsumedUnit": None if correction or row["quantity"] <= 0 else unit,
        "PricingCategory": "Standard",
        "ChargeFrequency": "Usage-Based",
    }


def _periods(row: ChargeRow) -> dict[str, Cell]:
    """Half-open in UTC: the day of the charge, the month of the bill."""
    incurred = row["at"] if row["corrected_at"] is None else row["corrected_at"]
    return _days(row["at"] // DAY_MS * DAY_MS, incurred // DAY_MS * DAY_MS)


@lru_cache(maxsize=1024)
def _days(billed: int, incurred: int) -> dict[str, Cell]:
    return {
        "BillingPeriodStart": Exact(iso(month_start(billed))),
        "BillingPeriodEnd": Exact(iso(next_month(billed))),
        "ChargePeriodStart": Exact(iso(incurred)),
        "ChargePeriodEnd": Exact(iso(incurred + DAY_MS)),
    }


def _service(row: ChargeRow) -> dict[str, Cell]:
    index, team = row["index_name"] or None, row["team"] or None
    sku = f"{row['model']}/{row['meter']}" if row["model"] else row["meter"]
    return {
        "ChargeCategory": "Usage",
        "ChargeClass": "Correction" if row["kind"] == CORRECTION else None,
        "ChargeDescription": _description(row),
        "ResourceId": None if index is None else f"index/{index}",
        "ResourceName": index,
        "ResourceType": None if index is None else "Index",
        "SkuId": sku,
        "SkuMeter": row["meter"],
        "SkuPriceId": f"{row['price_book']}/{sku}" if row["price_book"] else sku,
        "SubAccountId": team,
        "SubAccountName": team,
        "SubAccountType": None if team is None else "Team",
        "Tags": _tags(row),
    }


def _description(row: ChargeRow) -> str:
    what = f"{row['stage']}: {row['meter'].replace('_', ' ')}"
    of_model = f"{what} of {row['model']}" if row["model"] else what
    if row["kind"] == CORRECTION:
        return f"correction of {of_model}: {row['note']}"
    return f"idle, {of_model}" if row["kind"] == IDLE else of_model


def _tags(row: ChargeRow) -> str:
    """A flat JSON object; the prefix says that the tags are the provider's and not a user's."""
    named = {
        "project": row["project"], "user": row["user_id"], "key": row["key_id"], "channel": row["channel"],
        "stage": row["stage"], "release": row["release"], "kind": row["kind"],
    }  # fmt: skip
    return orjson.dumps(
        {f"groundwork/{name}": value for name, value in named.items() if value}
    ).decode()


def _own(row: ChargeRow) -> dict[str, Cell]:
    named: dict[str, Any] = {
        "x_Channel": "channel", "x_ChargeId": "id", "x_CorrectsChargeId": "corrects", "x_IndexName": "index_name",
        "x_KeyId": "key_id", "x_Kind": "kind", "x_Meter": "meter", "x_Model": "model", "x_Picodollars": "picodollars",
        "x_PriceBook": "price_book", "x_Project": "project", "x_Release": "release", "x_RequestId": "request_id",
        "x_Stage": "stage", "x_UserId": "user_id",
    }  # fmt: skip
    return {name: None if row[column] == "" else row[column] for name, column in named.items()}


@lru_cache(maxsize=256)
def unit_of(meter: str) -> str:
    """A meter's unit in FOCUS' form: `cached_input_tokens` is Tokens, `gpu_seconds` GPU-Seconds, `pages` Pages."""
    head, _, last = meter.rpartition("_")
    unit = last.capitalize()
    if unit == "Tokens" or not head:
        return unit
    # A compound unit has the singular first and a hyphen between.
    return f"{head.upper() if len(head) == 3 else head.replace('_', ' ').title().replace(' ', '')}-{unit}"
