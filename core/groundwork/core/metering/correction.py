"""Which charge a correction means, and what it makes of it."""

from __future__ import annotations

from typing import Any

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.ledger import Ledger
from groundwork.core.money import format_dollars, parse_dollars


def corrected(  # noqa: PLR0913  # three names find the charge, two values repair it
    ledger: Ledger,
    request: str,
    *,
    reason: str,
    actor: str,
    stage: str | None = None,
    meter: str | None = None,
    model: str | None = None,
    quantity: int | None = None,
    amount: str | None = None,
) -> dict[str, Any]:
    """Bring one charge of a request to a quantity (at the price it was charged with) or to an amount.

    Raises InvalidInput where several charges fit or the values do not, NotFound where none does.
    """
    if (quantity is None) == (amount is None):
        raise InvalidInput("give either a quantity or an amount", field="quantity")
    if not reason.strip():
        raise InvalidInput("give a reason", field="reason")
    rows = ledger.charges_of(request)
    charge = _the_one(rows, request, {"stage": stage, "meter": meter, "model": model})
    names = ("request_id", "stage", "meter", "model")
    same = [row for row in rows if all(row[name] == charge[name] for name in names)]
    before = sum(int(row["picodollars"]) for row in same)
    if quantity is None:
        after = _amount(amount or "")
        quantity = sum(row["quantity"] for row in same)
    elif charge["unit_picodollars"] is None:
        raise InvalidInput(
            "this charge is a share of a bill; give its right amount", field="amount"
        )
    else:
        after = quantity * int(charge["unit_picodollars"])
    key = (request, charge["stage"], charge["meter"], charge["model"], charge["correction_no"])
    difference = ledger.correct(key, after, quantity=quantity, note=reason, actor=actor)
    return {
        **{name: charge[name] for name in (*names[1:], "currency")},
        "request": request,
        "charge": charge["id"],
        "before": format_dollars(before),
        "after": format_dollars(after),
        "difference": format_dollars(difference),
    }


def _the_one(
    rows: list[dict[str, Any]], request: str, wanted: dict[str, str | None]
) -> dict[str, Any]:
    fitting = [
        row
        for row in rows
        if row["correction_no"] == 0
        and all(value is None or row[name] == value for name, value in wanted.items())
    ]
    if not fitting:
        raise NotFound(f"request {request[:80]} has no such charge", field="request")
    if len(fitting) > 1:
        shown = "; ".join(
            f"{row['stage']} {row['meter']} {row['model']}".strip() for row in fitting
        )
        raise InvalidInput(
            f"{len(fitting)} charges fit ({shown}); name the stage, meter and model", field="stage"
        )
    return fitting[0]


def _amount(text: str) -> int:
    try:
        return parse_dollars(text)
    except ValueError as error:
        raise InvalidInput(str(error), field="amount") from error
