"""The ledger against what others counted: itself, the engine, an invoice.

Every comparison is a list of lines that add up: what the ledger says, one line for each reason, what the other side
says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from groundwork.core.money import format_dollars


@dataclass(frozen=True, slots=True)
class Step:
    """One line on the way from the ledger's figure to the other side's. `picodollars` of None is no money."""

    what: str
    quantity: int | None = None
    picodollars: int | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The amount as a decimal string."""
        amount = None if self.picodollars is None else format_dollars(self.picodollars)
        return {"what": self.what, "quantity": self.quantity, "amount": amount, "why": self.why}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`steps` begin with the ledger's figure and end with the other side's; `agrees` where nothing is between."""

    subject: str
    steps: tuple[Step, ...]
    agrees: bool

    def to_dict(self) -> dict[str, Any]:
        """As the API and `--json` show it."""
        return {
            "subject": self.subject,
            "agrees": self.agrees,
            "steps": [step.to_dict() for step in self.steps],
        }
