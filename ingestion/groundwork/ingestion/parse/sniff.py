"""Which format a file is in."""

from __future__ import annotations

import re
from typing import Literal

from groundwork.core.documents import RawDocument
from groundwork.ingestion.parse.options import ParseError

Format = Literal["markdown", "rst", "text", "notebook", "html", "pdf", "docx"]

_MEDIA_TYPES: dict[str, Format] = {
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/mdx": "markdown",
    "text/x-rst": "rst",
    "text/prs.fallenstein.rst": "rst",
    "application/x-ipynb+json": "notebook",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
_SUFFIXES: dict[str, Format] = {
    "md": "markdown",
    "mdx": "markdown",
    "markdown": "markdown",
    "mkd": "markdown",
    "rst": "rst",
    "rest": "rst",
    "txt": "text",
    "text": "text",
    "ipynb": "notebook",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "pdf": "pdf",
    "docx": "docx",
}
_SNIFF_BYTES = 4096
_HTML_START = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MARKDOWN_SIGN = re.compile(rb"^(?:#{1,6} \S|```|---\n[\w-]+:|[-*] \S)", re.MULTILINE)
_RST_SIGN = re.compile(rb"^\.\. [\w:-]+::|^[^\n]+\n([=~^-])\1{3,}\n", re.MULTILINE)


def format_of(raw: RawDocument) -> Format:
    """The format by media type, then suffix, then content.

    "text/plain" and types that say nothing do not count: servers send them for Markdown too. Raises
    ParseError, `binary` or `unsupported`.
    """
    media_type = (raw.media_type or "").partition(";")[0].strip().lower()
    by_type = _MEDIA_TYPES.get(media_type)
    if by_type is not None:
        return by_type
    name = raw.page.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    by_suffix = _SUFFIXES.get(suffix.lower()) if dot and stem else None
    return by_suffix or _sniff(raw)


def _sniff(raw: RawDocument) -> Format:
    head = raw.content[:_SNIFF_BYTES]
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        if b"word/document.xml" in raw.content:
            return "docx"
        raise ParseError("unsupported", f"{raw.page} is an archive that no parser reads.")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        raise ParseError("binary", f"{raw.page} is a binary file that no parser reads.")
    if _HTML_START.match(head):
        return "html"
    if (
        head.lstrip().startswith(b"{")
        and b'"cells"' in raw.content
        and b'"nbformat"' in raw.content
    ):
        return "notebook"
    if _RST_SIGN.search(head):
        return "rst"
    return "markdown" if _MARKDOWN_SIGN.search(head) else "text"
