"""What the question path says while it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from groundwork.core.answers import Answer, Citation
from groundwork.core.metering.accounts import Ticket


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: ids that a caller may want before the text."""

    id: str
    trace_id: str
    index: str
    index_version: str
    release: str
    model: str
    conversation_id: str | None
    # What is left of budgets and limits, for the response's headers.
    ticket: Ticket

    def to_dict(self) -> dict[str, Any]:
        """What callers see of it."""
        return {
            "id": self.id,
            "trace_id": self.trace_id,
            "index": self.index,
            "index_version": self.index_version,
            "release": self.release,
            "model": self.model,
            "conversation_id": self.conversation_id,
        }


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A verified citation of text that has just been sent."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Done:
    """The last event: the whole answer, charged and recorded."""

    answer: Answer


Event = Started | Delta | Cited | Done
