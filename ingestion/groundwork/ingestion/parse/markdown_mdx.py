"""Block rules for MDX and for colon fences, as Docusaurus reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from groundwork.ingestion.parse.markdown_rules import (
    Span,
    line_of,
    line_start,
    lines_until,
    push_marker,
)

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

_COLONS = re.compile(
    r"(?P<marks>:{3,})[ \t]*\{?(?P<name>[A-Za-z][\w:-]*)?\}?(?:\[(?P<label>[^\]\n]*)\])?"
    r"(?P<title>[ \t][^{}\n]*?)?[ \t]*(?:\{[^{}\n]*\})?[ \t]*$"
)
_TAG = re.compile(
    r"<(?:/?[A-Za-z][\w.:-]*(?:\{(?:[^{}]|\{[^{}]*\}){0,4000}\}|\"[^\"]*\"|'[^']*'|[^<>{}\"'])*|/?)>"
)
_TITLE = re.compile(r"""\b(?:label|title|summary)\s*=\s*\{?\s*(["'`])(.+?)\1""")
# Their content is no Markdown: HTML's own rule takes them.
_VERBATIM = re.compile(r"</?(?:pre|table|thead|tbody|tr|t[dh]|script|style|textarea|svg|iframe)\b")
_ESM = re.compile(
    r"import\s+[\w*{\"']|export\s+(?:const|let|var|default|function|async|class|\{|\*)"
)
_COMMENT = re.compile(r"\{\s*/\*")
_COMMENT_WHOLE = re.compile(r"(?:\{\s*/\*(?:[^*]|\*(?!/))*\*/\s*\}\s*)+$")


def colon_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`:::note Title` and `:::`; what stands between is Markdown and parsed as such."""
    text = line_of(state, start)
    if not text.startswith(":::"):
        return False
    match = _COLONS.match(text)
    if match is None:
        return False
    if silent:
        return True
    offset = line_start(state, start)
    titles = [_span(match, name, offset) for name in ("label", "title") if _visible(match, name)]
    after = start + 1
    # Options of a MyST directive: ":class: tip".
    while after < end and match["name"] and re.match(r":[\w-]+:(?: |$)", line_of(state, after)):
        after += 1
    push_marker(state, start, after, titles)
    return True


def _visible(match: re.Match[str], name: str) -> bool:
    return bool(match["name"] and match[name] and match[name].strip())


def _span(match: re.Match[str], name: str, offset: int) -> Span:
    value = match[name]
    start = match.start(name) + len(value) - len(value.lstrip())
    return offset + start, offset + start + len(value.strip())


def tag_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines of nothing but JSX or HTML tags: in MDX, what stands between them is Markdown."""
    text = line_of(state, start)
    if not text.startswith("<") or text.startswith("<!") or _VERBATIM.match(text):
        return False
    after = lines_until(state, start, end, _only_tags)
    if after is None:
        return False
    if silent:
        return True
    begin, stop = line_start(state, start), state.eMarks[after - 1]
    titles = [match.span(2) for match in _TITLE.finditer(state.src, begin, stop)]
    push_marker(state, start, after, titles, tags=(begin, stop))
    return True


def _only_tags(text: str) -> bool:
    return text.endswith(">") and not _TAG.sub("", text).strip()


def esm_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`import` and `export` at the margin, through the line that closes their brackets."""
    if state.sCount[start] or silent or not _ESM.match(line_of(state, start)):
        return False
    after = lines_until(state, start, end, _balanced)
    push_marker(state, start, after if after is not None else start + 1)
    return True


def _balanced(text: str) -> bool:
    return all(text.count(a) <= text.count(b) for a, b in ("{}", "()", "[]")) and (
        text.count("`") % 2 == 0
    )


def comment_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`{/* a comment */}` on lines of its own."""
    if not _COMMENT.match(line_of(state, start)):
        return False
    after = lines_until(state, start, end, lambda text: bool(_COMMENT_WHOLE.match(text)))
    if after is None:
        return False
    if not silent:
        push_marker(state, start, after)
    return True
