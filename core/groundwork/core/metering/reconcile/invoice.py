"""The ledger against a provider's invoice, explained line by line.

The way from the ledger's amount to the invoiced one is exact, in four steps: idle time that a token invoice does
not bill, tokens that one side has and the other has not (at the ledger's mean price), the price, and the rounding
of the invoice. What is left within half of the invoice's last decimal is rounding; anything above is the price.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.periods import DAY_MS, Period, next_month, parse_instant
from groundwork.core.metering.reconcile import Comparison, Step
from groundwork.core.metering.reconcile.usage import ModelUsage, used
from groundwork.core.money import PICO_PER_DOLLAR, format_dollars, parse_dollars

_NEEDED = ("period", "model", "amount")
_MONTH_CHARS = len("2026-11")


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What was invoiced. `tokens` is None where machines were billed, not tokens.

    `quantum` is one unit of the amount's last decimal, in picodollars.
    """

    label: str
    period: Period
    model: str
    picodollars: int
    quantum: int
    tokens: int | None = None
    meter: str | None = None
    currency: str = "USD"


def read_invoice(path: Path) -> list[InvoiceLine]:
    """The lines of a CSV or JSON file with `period`, `model`, `amount` and, where it has them, `tokens`, `meter`,
    `currency`. A period is a month, a day, or two instants with a slash between. Raises InvalidInput.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", field="invoice") from error
    rows = _json_rows(text) if text.lstrip()[:1] in {"[", "{"} else _csv_rows(text)
    if not rows:
        raise InvalidInput(f"{path} has no lines", field="invoice")
    return [_line(number, row) for number, row in enumerate(rows, 1)]


def compare_invoice(connection: sql.Connection, line: InvoiceLine) -> Comparison:
    """One line of the invoice; the steps sum to the invoiced amount exactly."""
    own = used(connection, line.model, line.period, meter=line.meter, currency=line.currency)
    steps = [Step("ledger", own.tokens, own.picodollars + own.idle)]
    explained = [*_idle(line, own), *_tokens(line, own)]
    rest = line.picodollars - sum(step.picodollars or 0 for step in (*steps, *explained))
    if rest:
        explained.append(_rest(line, own, rest))
    invoiced = Step("invoice", line.tokens, line.picodollars)
    agrees = all(step.what == "rounding" for step in explained)
    return Comparison(line.label, (*steps, *explained, invoiced), agrees)


def _idle(line: InvoiceLine, own: ModelUsage) -> list[Step]:
    if not own.idle or line.tokens is None:
        return []
    why = "the ledger has it for machines of our own; an invoice of tokens does not"
    return [Step("idle time", picodollars=-own.idle, why=why)]


def _tokens(line: InvoiceLine, own: ModelUsage) -> list[Step]:
    if line.tokens is None or line.tokens == own.tokens:
        return []
    difference = line.tokens - own.tokens
    # Half a picodollar is rounded to even; the rest of the steps takes it up.
    amount = round(Fraction(own.picodollars * difference, own.tokens)) if own.tokens else 0
    what = "missing requests" if difference > 0 else "requests not invoiced"
    side = (
        "the invoice has and the ledger has not"
        if difference > 0
        else "the ledger has and the invoice has not"
    )
    mean = f", at the ledger's mean price; it has {own.requests:,} requests" if own.tokens else ""
    return [Step(what, difference, amount, f"{abs(difference):,} tokens that {side}{mean}")]


def _rest(line: InvoiceLine, own: ModelUsage, rest: int) -> Step:
    if 2 * abs(rest) <= line.quantum:
        return Step(
            "rounding", None, rest, f"the invoice is rounded to {format_dollars(line.quantum)}"
        )
    if line.tokens and own.tokens:
        theirs = _per_million(Fraction(line.picodollars, line.tokens))
        ours = _per_million(Fraction(own.picodollars, own.tokens))
        why = f"{theirs} a million tokens on the invoice, {ours} in the ledger, on average"
    else:
        why = (
            "the ledger has nothing of this model in the period"
            if not own.picodollars
            else "no tokens to compare"
        )
    return Step("price", None, rest, why)


def _per_million(price: Fraction) -> str:
    # In whole micro-units: for people to read, no step depends on it.
    return format_dollars(round(price) * 10**6)


def _line(number: int, row: Mapping[str, Any]) -> InvoiceLine:
    where = f"line {number} of the invoice"
    named = {
        str(name).strip().lower(): str(value).strip()
        for name, value in row.items()
        if value is not None
    }
    for name in _NEEDED:
        if not named.get(name):
            raise InvalidInput(
                f"{where} has no {name}; it needs {', '.join(_NEEDED)}", field="invoice"
            )
    amount = named["amount"].replace(",", "")
    try:
        picodollars = parse_dollars(amount)
        tokens = int(named["tokens"].replace(",", "")) if named.get("tokens") else None
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}", field="invoice") from error
    decimals = len(amount.partition(".")[2])
    label = f"{named['model']}, {named['period']}" + (
        f", {named['meter']}" if named.get("meter") else ""
    )
    return InvoiceLine(
        label=label,
        period=_period(named["period"]),
        model=named["model"],
        picodollars=picodollars,
        quantum=PICO_PER_DOLLAR // 10**decimals,
        tokens=tokens,
        meter=named.get("meter") or None,
        currency=named.get("currency") or "USD",
    )


def _period(text: str) -> Period:
    start, slash, end = text.partition("/")
    if slash:
        return Period.parse(start, end)
    first = parse_instant(start, "invoice")
    return Period(first, next_month(first) if len(start) == _MONTH_CHARS else first + DAY_MS)


def _csv_rows(text: str) -> list[dict[str, Any]]:
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _json_rows(text: str) -> list[dict[str, Any]]:
    try:
        # Numbers stay the text that they are: a float would lose what is to be compared.
        body = json.loads(text, parse_float=str, parse_int=str)
    except ValueError as error:
        raise InvalidInput(f"the invoice is no JSON: {error}", field="invoice") from error
    rows = body.get("lines") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(
            "the invoice is no list of lines, nor an object with `lines`", field="invoice"
        )
    return rows
