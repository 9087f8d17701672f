"""GET /v1/budgets, and the headers that say what is left."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from groundwork.core.metering.accounts import Ticket
from groundwork.core.metering.callers import ADMIN, ASK
from groundwork.core.money import format_dollars
from groundwork.serving.api.auth import accounts_of, caller_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON

router = APIRouter(tags=["budgets"])

BUDGET_HEADER = "X-Groundwork-Budget-Remaining"
RESET_HEADER = "X-Groundwork-Budget-Resets-At"


class BudgetShape(BaseModel):
    """A budget in its current period. Amounts are decimal strings of the currency; `resets_at` is UTC."""

    scope: Literal["key", "user", "team", "project"]
    subject: str
    period: Literal["day", "month"]
    currency: str
    limit: str
    spent: str
    reserved: str
    remaining: str
    soft_percent: int
    frugal: bool
    resets_at: str


class BudgetsShape(BaseModel):
    """The caller's budgets; every budget for callers with the scope admin."""

    budgets: list[BudgetShape]


@router.get(
    "/v1/budgets",
    summary="Say what is left of the budgets",
    response_model=None,
    responses={
        200: {"model": BudgetsShape, "description": "What is spent, reserved and left."},
        **problems(401, 403, 503),
    },
)
async def read_budgets(request: Request) -> Response:
    """The budgets that bound the caller's requests."""
    caller = await caller_of(request, ASK)
    budgets = accounts_of(request).budgets
    whose = None if caller.may(ADMIN) else caller
    standings = await asyncio.to_thread(budgets.standings, whose)
    return JSON({"budgets": [standing.to_dict() for standing in standings]})


def spending_headers(ticket: Ticket) -> dict[str, str]:
    """What is left of the tightest budget and of the rate limits, as response headers."""
    headers = {}
    tightest = ticket.held.tightest
    if tightest is not None:
        headers[BUDGET_HEADER] = format_dollars(tightest.remaining)
        headers[RESET_HEADER] = str(tightest.to_dict()["resets_at"])
    for kind, shown in ticket.limits.items():
        # The names that OpenAI's clients know.
        headers[f"x-ratelimit-limit-{kind}"] = str(shown["per_minute"])
        headers[f"x-ratelimit-remaining-{kind}"] = str(shown["remaining"])
    return headers
