"""Settings of the ledger, its price book, budgets and rate limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from groundwork.core.settings.base import Part

OnUnavailable = Literal["journal", "refuse"]
UnknownPrice = Literal["refuse", "zero-and-flag"]


class LedgerSettings(Part):
    """The store of answers, feedback and charges."""

    url: str | None = Field(None, description="SQLAlchemy URL; SQLite under the home if unset.")
    keep_days: int = Field(90, ge=1, description="Days that questions and answers are kept.")
    on_unavailable: OnUnavailable = Field(
        "journal",
        description="While the database is slow or absent: journal (answer, charge later) or refuse.",
    )
    sync: Literal["beside", "before"] = Field(
        "beside",
        description="When charges are forced to disk: beside the answer (they outlive the process at"
        " once, a power cut from a tenth of a second on) or before its end.",
    )
    slow_seconds: float = Field(
        5.0, gt=0, description="From how far behind on the database counts as absent."
    )
    offline_seconds: float = Field(
        300.0,
        ge=0,
        description="How long a key that was valid is let in while the database is absent; 0 never.",
    )
    unknown_price: UnknownPrice = Field(
        "zero-and-flag",
        description="A model without a price: refuse to use it, or charge 0 and flag the charge.",
    )
    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", description="The currency of the price book in use."
    )
    reservation_seconds: float = Field(
        300.0, gt=0, description="How long a budget is held for a request whose process died."
    )


class LimitsSettings(Part):
    """Rate limits of keys that have none of their own."""

    backend: Literal["memory", "database"] = Field(
        "memory", description="memory (of each process) or database (shared by all processes)."
    )
    requests_per_minute: int | None = Field(
        None, gt=0, description="Requests a minute of one key; unlimited if unset."
    )
    tokens_per_minute: int | None = Field(
        None, gt=0, description="Tokens a minute of one key; unlimited if unset."
    )
