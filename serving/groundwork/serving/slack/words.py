"""What the bot says besides answers. Each is one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundwork.core.errors import BudgetExceeded, GroundworkError, TooManyRequests
from groundwork.serving.slack.escape import escape

LOOKING = "Looking it up…"
HELP = "Ask me something about the documentation, and I answer with its sources."
THANKS = "Thank you, that is noted."
NO_PERSON = "Nobody is set to be asked here yet; please ask in your usual place."
ASKED_ALREADY = "A person has been asked about this thread already."
PROPOSED = "Thank you, this thread is proposed for the golden set."
NOT_FROM_HERE = "Threads of private channels and direct messages are not proposed: they stay here."
NOT_A_MEMBER = "I am not in this channel; invite me, then ask again."
FORGOTTEN = "That answer is not kept any more."


def asks(user: str, question: str) -> str:
    """What a slash command asked, for the channel to see."""
    quoted = "\n".join(f"> {line}" for line in escape(question[:2000]).split("\n"))
    return f"<@{user}> asks:\n{quoted}"


def handed_off(channel: str) -> str:
    """In the thread."""
    return f"I have asked a person in <#{channel}>; they will answer here."


def needs_a_person(user: str, permalink: str, question: str) -> str:
    """In the channel of the hand-off; the question of a private place is not repeated there."""
    quoted = (
        "".join(f"\n> {line}" for line in escape(question[:1000]).split("\n")) if question else ""
    )
    return f"<@{user}> would like a person to look at <{permalink}|this thread>.{quoted}"


def sorry(error: GroundworkError | None, trace_id: str) -> str:
    """One sentence with an id. What is wrong inside of the service is the log's."""
    if isinstance(error, BudgetExceeded):
        said = _spent(error.budget)
    elif isinstance(error, TooManyRequests):
        seconds = round(error.retry_after or 60)
        said = f"You have asked a lot in a short time; please ask again in {seconds} seconds."
    elif error is not None and error.status < 500:
        said = f"I cannot answer that: {escape(error.detail)}."
    elif error is not None and error.status in {502, 503, 504}:
        said = "What writes the answers cannot be reached just now; please ask again in a minute."
    else:
        said = "Something went wrong here, and the log knows what."
    return f"{said} (id `{trace_id}`)"


def budget_note(budget: Mapping[str, Any] | None) -> str:
    """What is left, from the soft threshold on."""
    if not budget or not budget.get("frugal"):
        return ""
    return f"{_left(budget)}, so answers are short for now; it begins anew on {_day(budget)}."


def _spent(budget: Mapping[str, Any]) -> str:
    return f"{_left(budget)}, which is not enough for another answer; it begins anew on {_day(budget)}."


def _left(budget: Mapping[str, Any]) -> str:
    whose = escape(f"{budget['scope']} {budget['subject']}")
    return (
        f"The {budget['period']}'s budget of {whose} has {budget['remaining']} of"
        f" {budget['limit']} {budget['currency']} left"
    )


def _day(budget: Mapping[str, Any]) -> str:
    return str(budget["resets_at"])[:10]
