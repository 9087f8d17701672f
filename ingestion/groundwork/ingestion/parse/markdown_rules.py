"""Block rules for markdown-it: Hugo's shortcodes, and what the rules of all dialects share.

A rule runs where the block structure is known, so that a marker inside a code fence stays code. Lines of
markers become one `marker` token. Its `meta` holds `titles` (spans of the source that readers see as a
title), `anchor` (an id for the heading that follows) and `tags` (the span of HTML or JSX tags, for what
they hide).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from groundwork.ingestion.parse.markdown_shortcodes import (
    DROPPED_BODIES,
    OPENS,
    SHORTCODE,
    code_language,
    shows_nothing,
    title_span,
)

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

Span = tuple[int, int]
BlockRule = Callable[["StateBlock", int, int, bool], bool]

_MAX_BODY_LINES = 2000  # of code in a shortcode
_MAX_MARKER_LINES = 60  # what is still open after these is no marker


def too_deep(state: StateBlock) -> bool:
    """Whether one more container would go past what markdown-it reads: it would drop the body."""
    return state.level + 2 >= state.md.options.maxNesting


def limited(rule: BlockRule) -> BlockRule:
    """A container's rule that reads as text what is nested too deep."""

    def read(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return not too_deep(state) and rule(state, start, end, silent)

    return read


def line_of(state: StateBlock, line: int) -> str:
    """A line without its indentation."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def line_start(state: StateBlock, line: int) -> int:
    """Where a line's text begins in the source."""
    return state.bMarks[line] + state.tShift[line]


def push_marker(
    state: StateBlock,
    start: int,
    end: int,
    titles: Sequence[Span] = (),
    *,
    anchor: str = "",
    tags: Span | None = None,
) -> None:
    """One `marker` token for the lines from `start` up to `end`."""
    token = state.push("marker", "", 0)
    token.map = [start, end]
    token.meta = {"titles": list(titles), "anchor": anchor, "tags": tags}
    state.line = end


def push_code(state: StateBlock, start: int, end: int, language: str) -> None:
    """A `fence` token whose content is the lines from `start` up to `end`, without any fence."""
    if end <= start:
        return
    token = state.push("fence", "code", 0)
    token.info = language
    token.content = state.getLines(start, end, state.blkIndent, keepLastLF=True)
    token.map = [start, end]
    token.meta = {"bare": True}


def parse_nested(state: StateBlock, start: int, end: int, indent: int = 0) -> None:
    """Parse the lines from `start` up to `end` as blocks of their own, indented by `indent` more."""
    saved = state.lineMax, state.blkIndent, state.parentType
    state.lineMax, state.blkIndent = end, state.blkIndent + indent
    state.parentType = "root"
    state.level += 1
    state.md.block.tokenize(state, start, end)
    state.level -= 1
    state.lineMax, state.blkIndent, state.parentType = saved
    state.line = end


def lines_until(
    state: StateBlock, start: int, end: int, complete: Callable[[str], bool]
) -> int | None:
    """The line after the shortest run of lines begun at `start` that is complete, None without one."""
    text = ""
    for line in range(start, min(end, start + _MAX_MARKER_LINES)):
        text += ("\n" if text else "") + line_of(state, line)
        if complete(text):
            return line + 1
    return None


def shortcode_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines that hold nothing but Hugo shortcodes."""
    if not OPENS.match(line_of(state, start)):
        return False
    after = lines_until(state, start, end, shows_nothing)
    if after is None:
        return False
    if silent:
        return True
    offset = line_start(state, start)
    matches = list(SHORTCODE.finditer(state.src, offset, state.eMarks[after - 1]))
    push_marker(state, start, after, [span for span in map(title_span, matches) if span])
    _body(state, matches[-1], after, end)
    return True


def _body(state: StateBlock, opening: re.Match[str], start: int, end: int) -> None:
    """Take the body where it is not Markdown."""
    name, language = opening["name"], code_language(opening)
    if opening["close"] or not (language is not None or name in DROPPED_BODIES):
        return
    closing = _closing_line(state, name, start, end)
    if closing is None:
        return
    if language is not None:
        # A body that fences its code itself is Markdown, whatever the shortcode's language says.
        if any(line_of(state, line).startswith(("```", "~~~")) for line in range(start, closing)):
            return
        push_code(state, start, closing, language)
    state.line = closing + 1


def _closing_line(state: StateBlock, name: str, start: int, end: int) -> int | None:
    """The line that closes shortcode `name`."""
    if "closed" not in state.env:
        found = SHORTCODE.finditer(state.src)
        state.env["closed"] = {match["name"] for match in found if match["close"]}
    if name not in state.env["closed"]:
        return None
    depth = 1
    for line in range(start, min(end, start + _MAX_BODY_LINES)):
        for match in SHORTCODE.finditer(line_of(state, line)):
            if match["name"] == name and not match["escaped"]:
                depth += -1 if match["close"] else 1
        if depth <= 0:
            return line
    return None
