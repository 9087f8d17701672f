"""Plain text: paragraphs apart by blank lines, list items, and what is set off by indentation."""

from __future__ import annotations

import re

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, decode
from groundwork.ingestion.parse.options import ParseOptions

_PARAGRAPH = re.compile(r"^[^\S\n]*\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*", re.MULTILINE)
_ITEM = re.compile(r"^[^\S\n]*(?:([-*+•–])|(\d{1,4})[.)])[^\S\n]+(?=\S)", re.MULTILINE)
_LINE_BREAK = re.compile(r"[^\S\n]*\n[^\S\n]*")
_RULE = re.compile(r"[\W_]*$")
_CODE_MARGIN = re.compile(r"(?: {4,}|\t)")
# Columns of anything, aligned by runs of blanks: joined to one line they would be noise.
_ALIGNED = re.compile(r"\S[^\S\n]{3,}\S")


def parse_text(raw: RawDocument, options: ParseOptions) -> Document:
    """A page without markup.

    Raises ParseError: encoding, binary or empty.
    """
    text = decode(raw.content)
    builder = DocumentBuilder(raw, options)
    # A text file is served as it is, whatever generator publishes the pages around it.
    builder.site = "github"
    for match in _PARAGRAPH.finditer(text):
        _add(builder, text, match.start(), match.end())
    return builder.build(text)


def _add(builder: DocumentBuilder, text: str, start: int, end: int) -> None:
    source = text[start:end]
    end = start + len(source.rstrip())
    lines = source.split("\n")
    if _RULE.match(source):
        return
    starts = [start + match.start() for match in _ITEM.finditer(source)]
    if starts and starts[0] == start:
        for begin, stop in zip(starts, [*starts[1:], end], strict=True):
            _item(builder, text, begin, stop)
    elif all(_CODE_MARGIN.match(line) for line in lines) or _is_aligned(lines):
        builder.add(BlockKind.CODE, start, end)
    else:
        begin = start + len(source) - len(source.lstrip())
        builder.add(BlockKind.PARAGRAPH, begin, end, _LINE_BREAK.sub(" ", text[begin:end]))


def _is_aligned(lines: list[str]) -> bool:
    return len(lines) > 1 and all(_ALIGNED.search(line) for line in lines)


def _item(builder: DocumentBuilder, text: str, start: int, end: int) -> None:
    source = text[start:end].rstrip()
    mark = _ITEM.match(source)
    body = source[mark.end() if mark else 0 :]
    shown = f"{mark[2]}. " if mark and mark[2] else "- "
    begin = start + len(source) - len(source.lstrip())
    plain = shown + _LINE_BREAK.sub(" ", body)
    builder.add(BlockKind.LIST_ITEM, begin, start + len(source), plain)
