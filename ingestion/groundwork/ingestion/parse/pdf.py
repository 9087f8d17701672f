"""PDF: the text layer page by page, with the headings of the outline where there is one."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.core.scan import HIDDEN_CHARS, HIDDEN_TEXT, INVISIBLE_CHARACTERS
from groundwork.ingestion.parse.base import DocumentBuilder, ParseError, ParseOptions, humanise
from groundwork.ingestion.parse.pdf_hidden import hidden_text
from groundwork.ingestion.parse.pdf_lines import Paragraph, paragraphs, without_running_lines
from groundwork.ingestion.parse.visible import Assembly, without_invisible

# PDFium keeps state of its own: one document at a time.
_PDFIUM = threading.Lock()
_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_MAX_LEVELS = 6
# What PDFium gives for a hyphen at a line's end, in place of the hyphen and the line end.
_CUT = re.compile("[\x02\ufffe](?:\r\n)?")
_CONTROLS = {code: None for code in range(0x20) if code != 0xA}
_MAX_TITLE_CHARACTERS = 120
# What word processors and printer drivers write where nobody gave a title.
_NO_TITLE = re.compile(
    r"untitled|unknown|document\d*|microsoft (?:word|powerpoint)\b.*|.*\.(?:docx?|pptx?|tex|dvi|odt|indd|pdf|rtf)",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"^(?:(?:chapter|appendix|part|section)\s+)?(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*|[IVXLC]+)[.:)]?\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Bookmark:
    text: str
    level: int
    page: int


def parse_pdf(raw: RawDocument, options: ParseOptions) -> Document:
    """The document's text, a paragraph a block. A section's anchor is `page=N`, which browsers follow.

    A section is a heading of the outline, begun anew on each page that it runs to, or else a page.

    Raises:
        ParseError: `encrypted`, `malformed`, or `empty` where there is no text layer.
    """
    read, bookmarks, metadata = _read(raw)
    pages = [lines for lines, _ in read]
    if not any(line.strip() for lines in pages for line in lines):
        raise ParseError(
            "empty",
            f"{raw.page} has {len(pages)} pages and no text layer: it looks scanned. "
            "Recognise its text first, then ingest that.",
        )
    builder = DocumentBuilder(raw, options)
    if metadata.get("Author"):
        builder.metadata["author"] = " ".join(metadata["Author"].split())
    builder.metadata["pages"] = str(len(pages))
    text, invisible = _without_invisible(pages)
    if invisible:
        builder.metadata[INVISIBLE_CHARACTERS] = str(invisible)
    hidden = "\n".join(unseen for _, unseen in read if unseen)
    if hidden:
        builder.metadata[HIDDEN_TEXT] = hidden[:HIDDEN_CHARS]
    builder.title = _title(metadata.get("Title", ""), text) or humanise(raw.page)
    writer = _Writer(builder)
    for number, lines in enumerate(without_running_lines(text)):
        writer.page(number, lines, [one for one in bookmarks if one.page == number])
    return builder.build(writer.assembly.text)


def _read(
    raw: RawDocument,
) -> tuple[list[tuple[list[str], str]], list[_Bookmark], dict[str, str]]:
    """Each page's lines with its hidden text, the outline, and the document's own metadata."""
    import pypdfium2

    with _PDFIUM:
        try:
            pdf = pypdfium2.PdfDocument(raw.content)
        except pypdfium2.PdfiumError as error:
            if error.err_code == _PASSWORD_ERROR:
                raise ParseError(
                    "encrypted", f"{raw.page} wants a password; save it without one."
                ) from error
            raise ParseError("malformed", f"{raw.page} cannot be read as PDF: {error}") from error
        try:
            pages = [_lines(pdf[number]) for number in range(len(pdf))]
            return pages, list(_outline(pdf)), dict(pdf.get_metadata_dict())
        except pypdfium2.PdfiumError as error:
            raise ParseError("malformed", f"{raw.page} is damaged: {error}") from error
        finally:
            pdf.close()


def _lines(page: Any) -> tuple[list[str], str]:
    """The lines within the page's box, and what nobody sees; what is placed outside of the box is neither."""
    text_page = page.get_textpage()
    try:
        text = str(text_page.get_text_bounded())
        hidden = hidden_text(page, text_page)
    finally:
        text_page.close()
        page.close()
    text = _CUT.sub("-\n", text).replace("\r\n", "\n").replace("\r", " ")
    return text.translate(_CONTROLS).split("\n"), hidden


def _outline(pdf: Any) -> Iterator[_Bookmark]:
    for bookmark in pdf.get_toc(max_depth=_MAX_LEVELS):
        destination = bookmark.get_dest()
        page = destination.get_index() if destination is not None else None
        text = without_invisible(" ".join(str(bookmark.get_title()).split()))[0]
        if page is not None and text:
            yield _Bookmark(text, int(bookmark.level) + 1, page)


def _without_invisible(pages: list[list[str]]) -> tuple[list[list[str]], int]:
    count = 0
    cleaned = []
    for lines in pages:
        found = [without_invisible(line) for line in lines]
        count += sum(removed for _, removed in found)
        cleaned.append([line for line, _ in found])
    return cleaned, count


def _title(stated: str, pages: list[list[str]]) -> str:
    """The title that the file states, else the first line, if it can be one."""
    stated = without_invisible(" ".join(stated.split()))[0]
    if stated and not _NO_TITLE.fullmatch(stated):
        return stated
    first = next((line.strip() for lines in pages for line in lines if line.strip()), "")
    is_title = 3 <= len(first) <= _MAX_TITLE_CHARACTERS and not first.endswith((".", ",", ";", ":"))
    return " ".join(first.split()) if is_title else ""


class _Writer:
    """Fills a builder page by page."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self.assembly = Assembly()
        self._builder = builder
        self._heading: _Bookmark | None = None
        self._section_page = -1

    def page(self, number: int, lines: list[str], bookmarks: list[_Bookmark]) -> None:
        """One page's lines, and what of the outline points to the page."""
        found = _placed(lines, bookmarks)
        waiting = sorted(found, key=lambda place: place[0])
        for paragraph in paragraphs(lines, {at for at, _ in found}):
            while waiting and waiting[0][0] < paragraph.first:
                self._open(waiting.pop(0)[1], number)
            self._add(paragraph, number)
        for _, bookmark in waiting:
            self._open(bookmark, number)

    def _open(self, bookmark: _Bookmark, number: int) -> None:
        self._heading = bookmark
        self._section_page = number
        self._builder.start_section(f"page={number + 1}", bookmark.text, bookmark.level)
        self.assembly.append(bookmark.text)

    def _add(self, paragraph: Paragraph, number: int) -> None:
        if self._section_page != number:
            self._section_page = number
            self._continue(number)
        start, end = self.assembly.append(paragraph.text)
        kind = BlockKind.LIST_ITEM if paragraph.bullet else BlockKind.PARAGRAPH
        self._builder.add(kind, start, end, paragraph.plain)

    def _continue(self, number: int) -> None:
        anchor = f"page={number + 1}"
        if self._heading is None:
            self._builder.start_section(anchor, f"Page {number + 1}", 1)
            return
        # The title's own heading stands for the page, and is not repeated below itself.
        is_title = self._heading.text == self._builder.title
        self._builder.start_section(
            anchor, "" if is_title else self._heading.text, self._heading.level
        )


def _placed(lines: list[str], bookmarks: list[_Bookmark]) -> list[tuple[int, _Bookmark]]:
    """The line that each heading is printed on, -1 (the page's top) where it is not found."""
    placed = []
    after = -1
    for bookmark in bookmarks:
        wanted = _bare(bookmark.text)
        matches = (at for at in range(after + 1, len(lines)) if _bare(lines[at]) == wanted)
        at = next(matches, -1)
        after = max(after, at)
        placed.append((at, bookmark))
    return placed


def _bare(heading: str) -> str:
    """A heading without its number and white space: outlines often leave these out."""
    text = " ".join(heading.split())
    return re.sub(r"\W+", "", _NUMBERING.sub("", text)).lower() or text
