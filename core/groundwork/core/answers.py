"""An answer and its parts, as every front end shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from groundwork.core.money import format_dollars

Role = Literal["user", "assistant"]
# `failed` and `cancelled` answers hold what was written until then, and are charged for it.
Outcome = Literal["answered", "abstained", "blocked", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """What a stretch of the answer rests on.

    `start` and `end` index the answer's text (code points, half-open). `quote` occurs verbatim in the page's text
    at `revision`. `url` is the public URL of the page without a fragment, or the page's path where none is
    known; `anchor` is a fragment id that the page has, "" for its top.
    """

    n: int
    title: str
    url: str
    anchor: str
    heading_path: tuple[str, ...]
    quote: str
    start: int
    end: int
    revision: str

    @property
    def link(self) -> str:
        """The URL a person follows."""
        return f"{self.url}#{self.anchor}" if self.anchor else self.url


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the API reports them. Cached tokens are part of the prompt's, reasoning of the completion's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def to_dict(self) -> dict[str, Any]:
        """In OpenAI's shape."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


@dataclass(frozen=True, slots=True)
class Charge:
    """One priced quantity of one stage. `picodollars` = `quantity` times the unit price, exactly."""

    stage: str
    meter: str
    quantity: int
    picodollars: int

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it; money is a decimal string."""
        return {
            "stage": self.stage,
            "meter": self.meter,
            "quantity": self.quantity,
            "amount": format_dollars(self.picodollars),
        }


def cost_to_dict(charges: Sequence[Charge], currency: str) -> dict[str, Any]:
    """What something cost, as the API shows it: the exact sum and what it is made of."""
    total = sum(charge.picodollars for charge in charges)
    return {
        "currency": currency,
        "amount": format_dollars(total),
        "picodollars": total,
        "charges": [charge.to_dict() for charge in charges],
    }


@dataclass(frozen=True, slots=True)
class RailVerdict:
    """What one rail said, and the milliseconds it took.

    `on` is input, passages or output; `verdict` allow, flag, redact, rephrase or block.
    """

    rail: str
    on: str
    verdict: str
    reason: str | None = None
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `reason` says why where there is none; `confidence` is calibrated, 0 to 1. `currency` is the charges'."""

    id: str
    created_at: str
    question: str
    index: str
    release: str
    index_version: str
    model: str
    answer: str
    outcome: Outcome
    reason: str | None
    confidence: float
    citations: tuple[Citation, ...]
    usage: Usage
    charges: tuple[Charge, ...]
    rails: tuple[RailVerdict, ...]
    timings_ms: Mapping[str, float]
    trace_id: str
    budget: Mapping[str, Any] | None = None
    conversation_id: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    currency: str = "USD"

    @property
    def abstained(self) -> bool:
        """Whether the documentation, or a rail, gave no answer."""
        return self.outcome in {"abstained", "blocked"}

    @property
    def picodollars(self) -> int:
        """What the answer cost."""
        return sum(charge.picodollars for charge in self.charges)

    def to_dict(self) -> dict[str, Any]:
        """The public shape (DESIGN, "An answer"), extended by index, model, confidence and record."""
        return {
            "id": self.id,
            "created_at": self.created_at,
            "question": self.question,
            "index": self.index,
            "release": self.release,
            "index_version": self.index_version,
            "model": self.model,
            "answer": self.answer,
            "abstained": self.abstained,
            "outcome": self.outcome,
            "reason": self.reason,
            "confidence": round(self.confidence, 4),
            "citations": [
                {**asdict(citation), "heading_path": list(citation.heading_path)}
                for citation in self.citations
            ],
            "usage": self.usage.to_dict(),
            "cost": cost_to_dict(self.charges, self.currency),
            "budget": dict(self.budget) if self.budget is not None else None,
            "rails": [asdict(verdict) for verdict in self.rails],
            "timings_ms": {name: round(value, 3) for name, value in self.timings_ms.items()},
            "trace_id": self.trace_id,
            "conversation_id": self.conversation_id,
            "record": dict(self.record),
        }

    def charged(self, charges: tuple[Charge, ...]) -> Answer:
        """The same answer with its bill."""
        return replace(self, charges=charges)
