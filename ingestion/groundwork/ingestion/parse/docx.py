"""DOCX: paragraphs, lists, code and tables in document order, sections by headings."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import docx_xml
from groundwork.ingestion.parse.base import (
    DocumentBuilder,
    ParseError,
    ParseOptions,
    Slugger,
    humanise,
)
from groundwork.ingestion.parse.visible import Assembly, without_invisible

# The container that Office writes around an encrypted document, and that the old .doc format is.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_FORMAT = "WordDocument".encode("utf-16-le")
_MAX_UNPACKED = 200 * 2**20
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
    document = _open(raw)
    builder = DocumentBuilder(raw, options)
    stated = " ".join((document.core_properties.title or "").split())
    if document.core_properties.author:
        builder.metadata["author"] = document.core_properties.author
    writer = _Writer(builder, document)
    for item in docx_xml.body_items(document.element.body):
        if item.tag.endswith("}tbl"):
            writer.table(item)
        else:
            writer.paragraph(item)
    writer.flush_code()
    builder.title = writer.title or stated or writer.first_heading or humanise(raw.page)
    if writer.invisible:
        builder.metadata["invisible_characters"] = str(writer.invisible)
    return builder.build(writer.assembly.text)


def _open(raw: RawDocument) -> Any:
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml import etree

    if raw.content.startswith(_OLE):
        if _OLD_FORMAT in raw.content:
            raise ParseError(
                "unsupported", f"{raw.page} is in the old .doc format; save it as .docx."
            )
        raise ParseError("encrypted", f"{raw.page} wants a password; save it without one.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
            _check(archive, raw.page)
        document = docx.Document(io.BytesIO(raw.content))
        if document.element.body is None:
            raise ParseError("malformed", f"{raw.page} has no body.")
        return document
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        PackageNotFoundError,
        EOFError,
        KeyError,
        AttributeError,  # python-docx meets a part that is not what its type says
        NotImplementedError,  # a compression that zipfile does not know
        ValueError,
        etree.LxmlError,
        *_zlib_errors(),
    ) as error:
        raise ParseError("malformed", f"{raw.page} cannot be read as DOCX: {error}") from error


def _zlib_errors() -> tuple[type[Exception], ...]:
    import lzma
    import zlib

    return (zlib.error, lzma.LZMAError)


def _check(archive: zipfile.ZipFile, page: str) -> None:
    # zipfile never reads more of a member than its directory states, so the stated sizes are a bound.
    members = archive.infolist()
    if sum(member.file_size for member in members) > _MAX_UNPACKED:
        raise ParseError("malformed", f"{page} would unpack to more than 200 MiB.")
    if any(member.flag_bits & 1 for member in members):
        raise ParseError("encrypted", f"{page} is an encrypted archive.")


class _Writer:
    """Fills a builder; neighbouring paragraphs of code become one block."""

    def __init__(self, builder: DocumentBuilder, document: Any) -> None:
        self.assembly = Assembly()
        self.title = ""
        self.first_heading = ""
        self.invisible = 0
        self._builder = builder
        self._slugger = Slugger("github")
        self._styles = {style.style_id: style for style in document.styles}
        self._default_style = next(
            (style for style in document.styles if style.name == "Normal"), None
        )
        self._bullets = docx_xml.bullet_lists(_numbering_root(document))
        self._counters: Counter[tuple[str, int]] = Counter()
        self._code: list[str] = []

    def paragraph(self, element: Any) -> None:
        """A `w:p`."""
        text, invisible = without_invisible(docx_xml.visible_text(element))
        self.invisible += invisible
        style = self._style_of(element)
        name = str(style.name or "") if style is not None else ""
        if self._code and not text.strip():
            self._code.append("")
        elif text.strip() and (_CODE_STYLE.search(name) or docx_xml.is_monospace(element)):
            self._code.append(text.rstrip())
        else:
            self.flush_code()
            self._prose(element, name, list(docx_xml.style_chain(style)), _collapsed(text))

    def table(self, element: Any) -> None:
        """A `w:tbl`."""
        self.flush_code()
        lines = []
        for cells in docx_xml.rows(element):
            found = [without_invisible(cell) for cell in cells]
            self.invisible += sum(count for _, count in found)
            if any(text for text, _ in found):
                lines.append(" | ".join(text for text, _ in found))
        if lines:
            self._add(BlockKind.TABLE, "\n".join(lines))

    def flush_code(self) -> None:
        """Add the code that has been collected."""
        text = "\n".join(self._code).strip("\n")
        self._code.clear()
        if text.strip():
            self._add(BlockKind.CODE, text)

    def _prose(self, element: Any, name: str, styles: list[Any], text: str) -> None:
        if not text or _IN_CONTENTS.fullmatch(name):
            return
        if name == "Title" and not self.title:
            self.title = text.replace("\n", " ")
            self._heading(element, text, 1)
            return
        level = _heading_level(element, name, styles)
        mark = self._mark(element, name, styles)
        if level is not None:
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

    def _mark(self, element: Any, name: str, styles: list[Any]) -> str:
        """What Word prints in front of a list item, "" for other paragraphs."""
        place = docx_xml.numbering(element, styles)
        if place is not None:
            number, depth = place
            return "  " * depth + ("- " if place in self._bullets else self._count(number, depth))
        match = _LIST_STYLE.fullmatch(name)
        if match is None or match["kind"].lower() == "paragraph":
            return ""
        depth = int(match["depth"] or 1) - 1
        bulleted = match["kind"].lower() == "bullet"
        return "  " * depth + ("- " if bulleted else self._count(name, depth))

    def _count(self, listing: str, depth: int) -> str:
        self._counters[listing, depth] += 1
        for key in [key for key in self._counters if key[0] == listing and key[1] > depth]:
            del self._counters[key]
        return f"{self._counters[listing, depth]}. "

    def _style_of(self, element: Any) -> Any:
        return self._styles.get(element.style, self._default_style)

    def _add(self, kind: BlockKind, text: str, plain: str | None = None) -> None:
        start, end = self.assembly.append(text)
        self._builder.add(kind, start, end, plain)


def _numbering_root(document: Any) -> Any:
    """The element of the numbering part; the body, which has no lists in it, where there is none."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    for relation in document.part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.NUMBERING and not relation.is_external:
            return getattr(relation.target_part, "element", document.element.body)
    return document.element.body


def _heading_level(element: Any, name: str, styles: list[Any]) -> int | None:
    match = _HEADING_STYLE.fullmatch(name)
    level = int(match[1]) if match else docx_xml.outline_level(element, styles)
    return None if level is None else min(level, 6)


def _collapsed(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
