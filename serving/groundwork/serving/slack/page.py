"""How an answer looks in Slack: text, sources, buttons, and a word about the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundwork.serving.slack.escape import escape, is_web, link
from groundwork.serving.slack.mrkdwn import Stretch, stretches
from groundwork.serving.slack.split import SECTION, sections
from groundwork.serving.slack.words import budget_note

# Slack takes 50 blocks and about 13,000 characters of blocks in a message.
_SECTIONS_A_MESSAGE = 4
UP, DOWN, WRONG, PERSON = "gw_up", "gw_down", "gw_wrong_source", "gw_person"
RATINGS = {UP: ("up", ""), DOWN: ("down", ""), WRONG: ("down", "wrong source")}

Blocks = list[dict[str, Any]]


def draft(markdown: str) -> str:
    """An answer under way: its end, where it is long."""
    pieces = sections(stretches(markdown))
    if not pieces:
        return "…"
    return pieces[-1] if len(pieces) == 1 else f"…\n{pieces[-1]}"


def messages(answer: Mapping[str, Any], *, thumbs: bool, person: bool) -> list[tuple[str, Blocks]]:
    """A finished answer as messages: (text for notifications, blocks)."""
    body = sections(stretches(answer["answer"]))
    sources = _sources(answer["citations"])
    pages = [
        [_section(text) for text in body[n : n + _SECTIONS_A_MESSAGE]]
        for n in range(0, max(1, len(body)), _SECTIONS_A_MESSAGE)
    ]
    last = pages[-1]
    last += [_context(text) for text in sources]
    note = budget_note(answer["budget"])
    if note:
        last.append(_context(note))
    buttons = _buttons(answer["id"], thumbs=thumbs, person=person)
    if buttons:
        last.append({"type": "actions", "block_id": "gw_actions", "elements": buttons})
    # Notifications show the beginning of each.
    heads = body[::_SECTIONS_A_MESSAGE] or ["…"]
    return list(zip(heads, pages, strict=True))


def _sources(citations: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each page and heading, with the numbers of all marks that lead there."""
    places: dict[str, list[int]] = {}
    labels: dict[str, str] = {}
    for each in citations:
        url = f"{each['url']}#{each['anchor']}" if each["anchor"] else each["url"]
        places.setdefault(url, []).append(each["n"])
        labels.setdefault(url, " › ".join(each["heading_path"] or [each["title"]]))
    lines = [
        f"{' '.join(f'[{n}]' for n in numbers)} {_source(url, labels[url])}"
        for url, numbers in places.items()
    ]
    # As few context blocks as hold them.
    return sections([Stretch("\n".join(lines))], SECTION) if lines else []


def _source(url: str, label: str) -> str:
    return link(url, label or url) if is_web(url) else f"{escape(label)} ({escape(url)})"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _buttons(answer_id: str, *, thumbs: bool, person: bool) -> Blocks:
    shown = [(UP, ":thumbsup:"), (DOWN, ":thumbsdown:"), (WRONG, "Wrong source")] if thumbs else []
    if person:
        shown.append((PERSON, "Ask a person"))
    return [
        {
            "type": "button",
            "action_id": action,
            "value": answer_id,
            "text": {"type": "plain_text", "text": text, "emoji": True},
        }
        for action, text in shown
    ]
