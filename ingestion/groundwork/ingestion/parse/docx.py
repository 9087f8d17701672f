"""DOCX: paragraphs, lists, code and tables in document order, sections by heading styles."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.base import (
    DocumentBuilder,
    ParseError,
    ParseOptions,
    Slugger,
)

# The container that Office writes around an encrypted document.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_UNPACKED = 200 * 2**20
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_MONOSPACE = re.compile(r"mono|courier|consol|menlo|code", re.IGNORECASE)


def parse_docx(raw: RawDocument, options: ParseOptions) -> Document:
    """The document's visible text; headings give sections, with a bookmark's name as anchor if there is one.

    Raises:
        ParseError: `encrypted`, `malformed` (also where it would unpack to more than 200 MiB), `empty`.
    """
    if raw.content.startswith(_OLE):
        raise ParseError("encrypted", f"{raw.page} is encrypted or in the old .doc format.")
    builder = DocumentBuilder(raw, options)
    document = _open(raw)
    builder.title = (document.core_properties.title or "").strip()
    writer = _Writer(builder)
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            writer.table(item)
        else:
            writer.paragraph(item)
    writer.flush_code()
    return builder.build("".join(writer.parts))


def _open(raw: RawDocument) -> Any:
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml import etree

    try:
        with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_UNPACKED:
                raise ParseError("malformed", f"{raw.page} would unpack to more than 200 MiB.")
        return docx.Document(io.BytesIO(raw.content))
    except (
        zipfile.BadZipFile,
        PackageNotFoundError,
        KeyError,
        ValueError,
        etree.XMLSyntaxError,
    ) as error:
        raise ParseError("malformed", f"{raw.page} cannot be read as DOCX: {error}") from error


class _Writer:
    """Assembles the text; neighbouring monospace paragraphs become one code block."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self.parts: list[str] = []
        self._builder = builder
        self._slugger = Slugger("github")
        self._length = 0
        self._code: list[str] = []

    def paragraph(self, paragraph: Any) -> None:
        text = str(paragraph.text)
        style = str(getattr(paragraph.style, "name", "") or "")
        if self._code and not text.strip():
            self._code.append("")
            return
        if _is_code(paragraph, style):
            self._code.append(text)
            return
        self.flush_code()
        if not text.strip():
            return
        heading = _HEADING.match(style)
        if heading or style == "Title":
            level = int(heading.group(1)) if heading else 1
            anchor = _bookmark(paragraph) or self._slugger.slug(text)
            self._builder.start_section(anchor, text, level)
            return
        if style.lower().startswith("list"):
            prefix = "1. " if "number" in style.lower() else "- "
            self._add(BlockKind.LIST_ITEM, text.strip(), prefix + text.strip())
        else:
            self._add(BlockKind.PARAGRAPH, text.strip())

    def table(self, table: Any) -> None:
        self.flush_code()
        rows = [" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in table.rows]
        text = "\n".join(row for row in rows if row.replace("|", "").strip())
        if text:
            self._add(BlockKind.TABLE, text)

    def flush_code(self) -> None:
        text = "\n".join(self._code).strip("\n")
        self._code.clear()
        if text.strip():
            self._add(BlockKind.CODE, text)

    def _add(self, kind: BlockKind, text: str, plain: str | None = None) -> None:
        if self.parts:
            self.parts.append("\n\n")
            self._length += 2
        self.parts.append(text)
        self._builder.add(kind, self._length, self._length + len(text), plain)
        self._length += len(text)


def _is_code(paragraph: Any, style: str) -> bool:
    if _MONOSPACE.search(style):
        return True
    runs = [run for run in paragraph.runs if run.text.strip()]
    return bool(runs) and all(run.font.name and _MONOSPACE.search(run.font.name) for run in runs)


def _bookmark(paragraph: Any) -> str:
    for mark in paragraph._p.iter("{*}bookmarkStart"):  # noqa: SLF001 python-docx shows no bookmarks
        name = mark.get("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}name") or ""
        if name and not name.startswith("_"):
            return str(name)
    return ""
