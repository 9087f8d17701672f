"""DOCX: paragraphs, lists, code and tables in document order, sections by headings."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.core.scan import HIDDEN_CHARS, HIDDEN_TEXT, INVISIBLE_CHARACTERS
from groundwork.ingestion.parse import docx_xml
from groundwork.ingestion.parse.base import (
    DocumentBuilder,
    ParseOptions,
    Slugger,
    humanise,
)
from groundwork.ingestion.parse.docx_package import Package, Style, open_package
from groundwork.ingestion.parse.visible import Assembly, without_invisible

_HEADING_STYLE = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CODE_STYLE = re.compile(
    r"\b(?:source )?code\b|verbatim|preformatted|macro text|listing|mono", re.IGNORECASE
)
_LIST_STYLE = re.compile(
    r"list (?P<kind>bullet|number|paragraph)(?: (?P<depth>[2-9]))?", re.IGNORECASE
)
_IN_CONTENTS = re.compile(r"toc \d|table of figures|toc heading", re.IGNORECASE)


def parse_docx(raw: RawDocument, options: ParseOptions) -> Document:
    """The document's visible text. A section's anchor is the heading's bookmark, else its slug.

    Raises:
        ParseError: `encrypted`, `unsupported` for the old .doc format, `malformed` (also where it would
            unpack to more than 200 MiB), `empty`.
    """
    package = open_package(raw.content, raw.page)
    builder = DocumentBuilder(raw, options)
    if package.author:
        builder.metadata["author"] = package.author
    writer = _Writer(builder, package)
    for item in docx_xml.body_items(package.body):
        if item.tag.endswith("}tbl"):
            writer.table(item)
        else:
            writer.paragraph(item)
    writer.flush_code()
    builder.title = writer.title or package.title or writer.first_heading or humanise(raw.page)
    if writer.invisible:
        builder.metadata[INVISIBLE_CHARACTERS] = str(writer.invisible)
    hidden = docx_xml.hidden_text(package.body)
    if hidden:
        builder.metadata[HIDDEN_TEXT] = hidden[:HIDDEN_CHARS]
    return builder.build(writer.assembly.text)


class _Writer:
    """Fills a builder; neighbouring paragraphs of code become one block."""

    def __init__(self, builder: DocumentBuilder, package: Package) -> None:
        self.assembly = Assembly()
        self.title = ""
        self.first_heading = ""
        self.invisible = 0
        self._builder = builder
        self._slugger = Slugger("github")
        self._styles = package.styles
        self._bullets = docx_xml.bullet_lists(package.numbering)
        self._counters: Counter[tuple[str, int]] = Counter()
        self._code: list[str] = []

    def paragraph(self, element: Any) -> None:
        """A `w:p`."""
        text, invisible = without_invisible(docx_xml.visible_text(element))
        self.invisible += invisible
        style = self._styles.get(element.style, self._styles[None])
        if self._code and not text.strip():
            self._code.append("")
        elif text.strip() and (_CODE_STYLE.search(style.name) or docx_xml.is_monospace(element)):
            self._code.append(text.rstrip())
        else:
            self.flush_code()
            self._prose(element, style, _collapsed(text))

    def table(self, element: Any) -> None:
        """A `w:tbl`."""
        self.flush_code()
        lines = []
        for cells in docx_xml.rows(element):
            found = [without_invisible(cell) for cell in cells]
            self.invisible += sum(count for _, count in found)
            if any(text for text, _ in found):
                lines.append(" | ".join(text for text, _ in found).rstrip())
        if lines:
            self._add(BlockKind.TABLE, "\n".join(lines))

    def flush_code(self) -> None:
        """Add the code that has been collected."""
        text = "\n".join(self._code).strip("\n")
        self._code.clear()
        if text.strip():
            self._add(BlockKind.CODE, text)

    def _prose(self, element: Any, style: Style, text: str) -> None:
        if not text or _IN_CONTENTS.fullmatch(style.name):
            return
        level = _heading_level(element, style)
        mark = self._mark(element, style)
        if style.name == "Title" and not self.title:
            self.title = text.replace("\n", " ")
            self._heading(element, text, 1)
        elif level is not None:
            self._heading(element, text, level)
        elif mark:
            self._add(BlockKind.LIST_ITEM, text, mark + text)
        else:
            self._add(BlockKind.PARAGRAPH, text)

    def _heading(self, element: Any, text: str, level: int) -> None:
        heading = text.replace("\n", " ")
        self.first_heading = self.first_heading or heading
        own = docx_xml.bookmark(element)
        anchor = self._slugger.reserve(own) if own else self._slugger.slug(heading)
        self._builder.start_section(anchor, heading, level)
        self.assembly.append(text)

    def _mark(self, element: Any, style: Style) -> str:
        """What Word prints in front of a list item, "" for other paragraphs."""
        place = docx_xml.numbering(element, style.elements)
        if place is not None:
            number, depth = place
            return "  " * depth + ("- " if place in self._bullets else self._count(number, depth))
        match = _LIST_STYLE.fullmatch(style.name)
        if match is None or match["kind"].lower() == "paragraph":
            return ""
        depth = int(match["depth"] or 1) - 1
        bulleted = match["kind"].lower() == "bullet"
        return "  " * depth + ("- " if bulleted else self._count(style.name, depth))

    def _count(self, listing: str, depth: int) -> str:
        self._counters[listing, depth] += 1
        for key in [key for key in self._counters if key[0] == listing and key[1] > depth]:
            del self._counters[key]
        return f"{self._counters[listing, depth]}. "

    def _add(self, kind: BlockKind, text: str, plain: str | None = None) -> None:
        start, end = self.assembly.append(text)
        self._builder.add(kind, start, end, plain)


def _heading_level(element: Any, style: Style) -> int | None:
    match = _HEADING_STYLE.fullmatch(style.name)
    level = int(match[1]) if match else docx_xml.outline_level(element, style.elements)
    return None if level is None else min(level, 6)


def _collapsed(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
