"""Block rules for MkDocs' indented blocks and MyST's directives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from groundwork.ingestion.parse.markdown_rules import (
    line_of,
    line_start,
    parse_nested,
    push_code,
    push_marker,
    too_deep,
)

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

_INDENT = 4  # Python-Markdown's tab length
_INDENTED = re.compile(
    r"(?:(?:!!!|\?\?\?\+?)[ \t]*[\w-][\w -]*|={3}[!+]?)[ \t]*(?:\"(?P<title>[^\n]*)\")?[ \t]*$"
)
_DIRECTIVE = re.compile(
    r"(?P<fence>`{3,}|~{3,}|:{3,})\{(?P<name>[\w:+-]+)\}[ \t]*(?P<title>[^\n]*)$"
)
_LABEL = re.compile(r"\(([^()\n]+)\)=[ \t]*$")
_OPTION = re.compile(r":[\w-]+:(?:[ \t]|$)")
_CODE = frozenset(
    {
        "code",
        "code-block",
        "sourcecode",
        "code-cell",
        "parsed-literal",
        "mermaid",
        "math",
        "doctest",
    }
)
_DROPPED = frozenset(
    {"toctree", "include", "literalinclude", "image", "contents", "index", "raw", "bibliography"}
    | {"tableofcontents", "iframe", "video", "autosummary", "currentmodule"}
)
_ARGUMENT_IS_NO_TITLE = frozenset({"figure", "list-table", "div", "container", "grid"})


def indented_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`!!! note "Title"`, `??? note` and `=== "Tab"` over an indented body."""
    text = line_of(state, start)
    if not text.startswith(("!!!", "???", "===")) or state.is_code_block(start) or too_deep(state):
        return False
    match = _INDENTED.match(text)
    if match is None or (text.startswith("===") and match["title"] is None):
        return False
    if silent:
        return True
    offset = line_start(state, start)
    title = [(offset + a, offset + b) for a, b in (match.span("title"),) if a < b]
    push_marker(state, start, start + 1, title)
    indent = state.sCount[start] - state.blkIndent + _INDENT
    after = start + 1
    while after < end and (state.isEmpty(after) or state.sCount[after] >= state.blkIndent + indent):
        after += 1
    parse_nested(state, start + 1, after, indent)
    return True


def directive(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """MyST's ```{name} argument … ```: the body is Markdown, code or nothing to read, by its name."""
    if state.is_code_block(start) or too_deep(state):
        return False
    match = _DIRECTIVE.match(line_of(state, start))
    if match is None:
        return False
    if silent:
        return True
    close = _closing(state, match["fence"], start + 1, end)
    body = _skip_options(state, start + 1, close)
    name, title = match["name"].lower(), match["title"].strip()
    offset = line_start(state, start) + match.start("title")
    shown = bool(title) and name not in _CODE | _DROPPED | _ARGUMENT_IS_NO_TITLE
    push_marker(state, start, body, [(offset, offset + len(title))] if shown else [])
    if name in _CODE:
        push_code(state, body, close, title or ("latex" if name == "math" else ""))
    elif name == "eval-rst":
        token = state.push("rst", "", 0)
        token.map = [body, close]
    elif name not in _DROPPED:
        parse_nested(state, body, close)
    state.line = min(close + 1, end)
    return True


def _closing(state: StateBlock, fence: str, start: int, end: int) -> int:
    """The line of the closing fence, or `end`: an open fence runs to the end of what holds it."""
    for line in range(start, end):
        text = line_of(state, line).rstrip()
        if (
            len(text) >= len(fence)
            and not text.strip(fence[0])
            and state.sCount[line] < _INDENT * 3
        ):
            return line
    return end


def _skip_options(state: StateBlock, start: int, end: int) -> int:
    """The first line of the body, behind `:key: value` lines or a YAML block."""
    line = start
    if line < end and line_of(state, line).rstrip() == "---":
        for closing in range(line + 1, end):
            if line_of(state, closing).rstrip() == "---":
                return closing + 1
        return line
    while line < end and _OPTION.match(line_of(state, line)):
        line += 1
    return line


def label_line(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """MyST's `(label)=` in front of what it names, and `% comment` lines."""
    text = line_of(state, start)
    if text.startswith("%") and not state.is_code_block(start):
        if not silent:
            push_marker(state, start, start + 1)
        return True
    match = _LABEL.match(text) if text.startswith("(") else None
    if match is None:
        return False
    if not silent:
        push_marker(state, start, start + 1, anchor=match[1].strip())
    return True
