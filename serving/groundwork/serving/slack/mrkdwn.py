"""Markdown of answers as Slack's mrkdwn, in stretches that can be split between messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from groundwork.serving.slack.escape import escape, escape_code, link

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FENCE = "```"
_MARKS = {"strong": "*", "em": "_", "s": "~"}
_BULLET = "•"
_INDENT = "    "
_RULE = "———"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A block of text, or the inside of a code block, already escaped."""

    text: str
    code: bool = False


def to_mrkdwn(markdown: str) -> str:
    """The whole as one text."""
    return join(stretches(markdown))


def join(parts: Sequence[Stretch]) -> str:
    """Stretches as one text, with a blank line between blocks."""
    return "\n\n".join(
        f"{FENCE}\n{part.text}\n{FENCE}" if part.code else part.text for part in parts
    )


def stretches(markdown: str) -> list[Stretch]:
    """The blocks of a Markdown text, also of one that is cut anywhere."""
    return _Blocks(_parser().parse(markdown)).read()


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Raw HTML and addresses without markup stay text; Slack would not show the one, and links only what is a link.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class _Blocks:
    """Walks the tokens once. Lists nest; a code block inside a list stands on its own."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = iter(tokens)
        self._found: list[Stretch] = []
        self._lists: list[int | None] = []
        self._lead = ""
        self._quotes = 0
        self._tight = False

    def read(self) -> list[Stretch]:
        """All blocks in order."""
        for token in self._tokens:
            self._take(token)
        return [part for part in self._found if part.text.strip()]

    def _take(self, token: Token) -> None:
        kind = token.type
        if kind == "inline":
            self._text(inline(token.children or []))
        elif kind == "heading_open":
            self._text(f"*{self._heading()}*")
        elif kind in {"fence", "code_block"}:
            self._code(token.content)
        elif kind == "table_open":
            self._table()
        elif kind == "hr":
            self._text(_RULE)
        else:
            self._nest(token)

    def _nest(self, token: Token) -> None:
        kind = token.type
        if kind == "list_item_open":
            self._item()
        elif kind in {"bullet_list_open", "ordered_list_open"}:
            start = int(token.attrGet("start") or 1) if kind.startswith("ordered") else None
            self._lists.append(start)
        elif kind in {"bullet_list_close", "ordered_list_close"}:
            self._lists.pop()
        elif kind == "blockquote_open":
            self._quotes += 1
        elif kind == "blockquote_close":
            self._quotes -= 1

    def _heading(self) -> str:
        token = next(self._tokens)
        # A star inside would end the bold.
        return inline(token.children or []).replace("*", "")

    def _item(self) -> None:
        number = self._lists[-1]
        self._lead = _INDENT * (len(self._lists) - 1)
        if number is None:
            self._lead += f"{_BULLET} "
        else:
            self._lead += f"{number}. "
            self._lists[-1] = number + 1

    def _text(self, text: str) -> None:
        if self._lists and not self._lead:
            self._lead = _INDENT * len(self._lists)
        text, item = self._lead + text, bool(self._lists)
        self._lead = ""
        if self._quotes:
            text = "\n".join(f"> {line}" for line in text.split("\n"))
        last = self._found[-1] if self._found else None
        if item and self._tight and last is not None and not last.code:
            # Items of one list stay together.
            self._found[-1] = Stretch(f"{last.text}\n{text}")
        else:
            self._found.append(Stretch(text))
        self._tight = item

    def _code(self, content: str) -> None:
        if self._lead.strip():
            self._text("")
        self._lead = ""
        self._found.append(Stretch(_inside_fence(content.rstrip("\n")), code=True))
        self._tight = False

    def _table(self) -> None:
        rows: list[list[str]] = []
        for token in self._tokens:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_flat(token.children or []))
        self._code(_aligned(rows))


def inline(tokens: Sequence[Token]) -> str:
    """Text with its bold, italic, code and links."""
    return "".join(_inline(iter(tokens)))


def _inline(tokens: Iterator[Token]) -> Iterator[str]:
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type == "link_open":
            yield link(str(token.attrGet("href") or ""), _label(tokens))
        elif name in _MARKS:
            yield _MARKS[name]
        elif token.type == "code_inline":
            yield _code_span(token.content)
        elif token.type == "image":
            yield link(str(token.attrGet("src") or ""), token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            yield "\n"
        else:
            yield escape(token.content)


def _label(tokens: Iterator[Token]) -> str:
    """The text up to the link's end."""
    inside = []
    for token in tokens:
        if token.type == "link_close":
            break
        inside.append(token)
    return _flat(inside)


def _flat(tokens: Sequence[Token]) -> str:
    breaks = {"softbreak", "hardbreak"}
    return "".join(" " if token.type in breaks else token.content for token in tokens)


def _code_span(content: str) -> str:
    # Slack's code spans cannot hold a backtick.
    return escape(content) if "`" in content or not content.strip() else f"`{escape_code(content)}`"


def _inside_fence(content: str) -> str:
    # Three backticks inside would end the block.
    return escape_code(re.sub(r"`(?=``)", "`\u200b", content))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table with columns of one width; Slack has none of its own."""
    if not rows:
        return ""
    widths = [max(len(row[n]) if n < len(row) else 0 for row in rows) for n in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    )
