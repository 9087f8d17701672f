"""Parsers: one file of a source in, one Document out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.options import PARSER_VERSION, ParseError, ParseOptions
from groundwork.ingestion.parse.sniff import format_of
from groundwork.ingestion.parse.unseen import with_unseen

__all__ = ["PARSER_VERSION", "ParseError", "ParseOptions", "parse"]

# Imported on first use: the PDF, DOCX and docutils libraries are slow to load.
_PARSERS = {
    "markdown": ("markdown", "parse_markdown"),
    "rst": ("rst", "parse_rst"),
    "text": ("text", "parse_text"),
    "notebook": ("notebook", "parse_notebook"),
    "html": ("html", "parse_html"),
    "pdf": ("pdf", "parse_pdf"),
    "docx": ("docx", "parse_docx"),
}
# Where `Document.text` is the file itself, with all that the published page leaves out.
_SOURCE_IS_TEXT = frozenset({"markdown", "rst", "text"})


def parse(raw: RawDocument, options: ParseOptions) -> Document:
    """The page, by the parser of its media type, else of its suffix, else of what its bytes look like.

    Raises ParseError, whose `reason` says why a file cannot become a document.
    """
    if not raw.content.strip():
        raise ParseError("empty", f"{raw.page} is empty.")
    kind = format_of(raw)
    module, function = _PARSERS[kind]
    parser: Callable[[RawDocument, ParseOptions], Document] = getattr(
        import_module(f"{__name__}.{module}"), function
    )
    document = parser(raw, options)
    return with_unseen(document, kind) if kind in _SOURCE_IS_TEXT else document
