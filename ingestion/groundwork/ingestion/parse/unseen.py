"""What the source of a text page says and the published page does not show: comments and hidden elements.

A model that is handed the source reads it; whoever plants orders in a page knows that. The text is reported with the
page (`metadata["hidden_text"]`), for the scan between parsing and chunking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundwork.core.disguise import invisible_count
from groundwork.core.documents import Document
from groundwork.core.scan import HIDDEN_CHARS, HIDDEN_TEXT, INVISIBLE_CHARACTERS

_HTML_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_MDX_COMMENT = re.compile(r"\{/\*(.*?)\*/\}", re.DOTALL)
# "[//]: # (text)": a link that nothing refers to.
_LINK_COMMENT = re.compile(
    r"^\[(?://|comment|_)\]:\s*(?:#|<>)\s*[\"'(](.*)[\"')]\s*$", re.MULTILINE
)
# ".. text" in reStructuredText, where it begins neither directive, target, substitution nor footnote.
_RST_COMMENT = re.compile(
    r"^([ \t]*)\.\.[ \t]+(?![\w:.+-]+::|_|\[|\|)(\S.*(?:\n(?:\1[ \t]+\S.*|[ \t]*(?=\n\1[ \t]+\S)))*)",
    re.MULTILINE,
)
_HIDING = re.compile(
    r"<(?P<name>\w+)\b[^>]*?(?:\shidden(?=[\s=>/])|style\s*=\s*[\"'{][^>]*?(?:"
    r"display\s*:\s*['\"]?none|visibility\s*:\s*['\"]?hidden|opacity\s*:\s*['\"]?0(?![.\d]*[1-9])|"
    r"font-?size\s*:\s*['\"]?[01](?:px|pt|em|rem)?\b(?!\.)|color\s*:\s*['\"]?(?:white|#fff(?:fff)?|transparent)\b|"
    r"(?:left|top|text-indent)\s*:\s*['\"]?-\d{3,}))[^>]*>(?P<body>.*?)</(?P=name)\s*>",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")


def with_unseen(document: Document, kind: str) -> Document:
    """The page with what its source hides in its metadata. `kind` is the parser's: markdown, rst or text."""
    found = " ".join("\n".join(_unseen(document.text, kind)).split(" "))[:HIDDEN_CHARS]
    invisible = invisible_count(document.text)
    if not found.strip() and not invisible:
        return document
    metadata = dict(document.metadata)
    if found.strip():
        metadata[HIDDEN_TEXT] = found
    if invisible:
        metadata[INVISIBLE_CHARACTERS] = str(invisible)
    return document.with_metadata(metadata)


def _unseen(text: str, kind: str) -> Iterator[str]:
    if "<!--" in text:
        yield from (match[1].strip() for match in _HTML_COMMENT.finditer(text))
    if kind == "rst":
        yield from (" ".join(match[2].split()) for match in _RST_COMMENT.finditer(text))
        return
    yield from (match[1].strip() for match in _MDX_COMMENT.finditer(text))
    yield from (match[1].strip() for match in _LINK_COMMENT.finditer(text))
    for match in _HIDING.finditer(text):
        yield " ".join(_TAG.sub(" ", match["body"]).split())
