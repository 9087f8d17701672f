"""PDF: the text layer page by page, a section a page, with the outline's headings where there is one."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, ParseError, ParseOptions

# How PDFium marks a hyphen that only cuts a word at a line's end (U+0002 in some files).
_CUT = "\ufffe"
_HYPHEN = re.compile(r"(\w)[-\u00ad]\n(\w)")
_PARAGRAPH = re.compile(r"\n\s*\n")
# A line that stands on this share of the pages, at their very top or bottom, is a running head.
_RUNNING_SHARE = 0.6
_RUNNING_PAGES = 4


def parse_pdf(raw: RawDocument, options: ParseOptions) -> Document:
    """Sections have the anchor `page=N`, which browsers follow.

    Raises:
        ParseError: `encrypted`, `malformed`, or `empty` where there is no text layer.
    """
    import pypdfium2

    builder = DocumentBuilder(raw, options)
    try:
        pdf = pypdfium2.PdfDocument(raw.content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise ParseError("encrypted", f"{raw.page} wants a password.") from error
        raise ParseError("malformed", f"{raw.page} cannot be read as PDF: {error}") from error
    try:
        builder.title = " ".join((pdf.get_metadata_dict().get("Title") or "").split())
        headings = _outline(pdf)
        pages = _without_running_lines([_page_text(pdf, n) for n in range(len(pdf))])
    except pypdfium2.PdfiumError as error:
        raise ParseError("malformed", f"{raw.page} is damaged: {error}") from error
    finally:
        pdf.close()
    if not any(page.strip() for page in pages):
        raise ParseError("empty", f"{raw.page} has no text layer; scanned pages need OCR first.")
    return _assemble(builder, pages, headings)


def _page_text(pdf: Any, number: int) -> str:
    page = pdf[number]
    text_page = page.get_textpage()
    try:
        text = str(text_page.get_text_range())
    finally:
        text_page.close()
        page.close()
    return text.replace("\r\n", "\n").replace("\x02", _CUT)


def _outline(pdf: Any) -> dict[int, tuple[str, int]]:
    """Page number (from 0) to the first heading of the outline that points there, and its level."""
    found: dict[int, tuple[str, int]] = {}
    for bookmark in pdf.get_toc(max_depth=6):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and index not in found:
            found[index] = (str(bookmark.get_title()), int(bookmark.level) + 1)
    return found


def _without_running_lines(pages: list[str]) -> list[str]:
    """Drop heads and feet that repeat: page numbers are compared as "#"."""
    if len(pages) < _RUNNING_PAGES:
        return pages
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_shape(line) for line in _edges(page)})
    running = {shape for shape, count in counts.items() if count >= _RUNNING_SHARE * len(pages)}
    return [_strip_edges(page, running) for page in pages]


def _edges(page: str) -> list[str]:
    lines = [line for line in page.split("\n") if line.strip()]
    return [*lines[:1], *lines[-1:]]


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", " ".join(line.split()))


def _strip_edges(page: str, running: set[str]) -> str:
    lines = page.split("\n")
    while lines and (not lines[0].strip() or _shape(lines[0]) in running):
        lines.pop(0)
    while lines and (not lines[-1].strip() or _shape(lines[-1]) in running):
        lines.pop()
    return "\n".join(lines)


def _assemble(
    builder: DocumentBuilder, pages: list[str], headings: dict[int, tuple[str, int]]
) -> Document:
    parts: list[str] = []
    length = 0
    chapter, level = "", 1
    for number, page in enumerate(pages):
        chapter, level = headings.get(number, (chapter, level))
        builder.start_section(f"page={number + 1}", chapter or f"Page {number + 1}", level)
        for paragraph in _PARAGRAPH.split(page):
            text = paragraph.strip()
            if not text:
                continue
            if parts:
                parts.append("\n\n")
                length += 2
            plain = " ".join(_HYPHEN.sub(r"\1\2", text.replace(_CUT, "")).split())
            parts.append(text.replace(_CUT, "-"))
            builder.add(BlockKind.PARAGRAPH, length, length + len(text), plain)
            length += len(text)
    return builder.build("".join(parts))
