"""reStructuredText, as Sphinx publishes it."""

from __future__ import annotations

import re

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, Slugger, decode
from groundwork.ingestion.parse.options import ParseOptions
from groundwork.ingestion.parse.rst_blocks import read_marked
from groundwork.ingestion.parse.rst_inline import Inline
from groundwork.ingestion.parse.rst_lines import Lines
from groundwork.ingestion.parse.rst_reader import Reader, Region

_REPLACE = re.compile(
    r"^[ \t]*\.\.[ \t]+\|([^|\n]+)\|[ \t]+(replace|unicode|image|date|raw)::[ \t]*([^\n]*(?:\n(?:[ \t]+[^\n]*)?)*)",
    re.MULTILINE,
)
_NAMED = re.compile(r"^[ \t]*\.\.[ \t]+_(?:`([^`\n]+)`|([^:\n]+)):(?:[ \t]|$)", re.MULTILINE)


def parse_rst(raw: RawDocument, options: ParseOptions) -> Document:
    """A page of reStructuredText; anchors and address are Sphinx's, or GitHub's where the options say so.

    Nothing is included or executed. Raises ParseError: encoding, binary or empty.
    """
    text = decode(raw.content)
    builder = DocumentBuilder(raw, options)
    builder.site = "github" if options.site == "github" else "sphinx"
    # GitHub renders reStructuredText with docutils: the same ids.
    read_rst(builder, text, (0, len(text)), Slugger("sphinx"), sections=True)
    keywords = builder.metadata.get("keywords", "")
    builder.tags = tuple(word.strip() for word in keywords.split(",") if word.strip())
    return builder.build(text)


def read_rst(
    builder: DocumentBuilder,
    text: str,
    span: tuple[int, int],
    slugger: Slugger,
    *,
    sections: bool,
) -> None:
    """Add the sections and blocks of `text[span]`, whole lines, to `builder`.

    Without `sections` titles are read as text: the source stands inside another page.
    """
    source = text[slice(*span)]
    lines = Lines(text, *span)
    margin = max(0, lines.margin(0, len(lines)))
    inline = Inline(_substitutions(source), _targets(source))
    reader = Reader(builder, lines, inline, slugger, read_marked)
    reader.body(Region(0, len(lines), 0 if sections else margin, top=sections))


def _substitutions(source: str) -> dict[str, str]:
    if "::" not in source or "|" not in source:
        return {}
    return {match[1].lower(): _shown(match[2], match[3]) for match in _REPLACE.finditer(source)}


def _shown(kind: str, body: str) -> str:
    """What stands for a substitution's name in the text."""
    if kind == "replace":
        return Inline({}, frozenset()).plain(body)
    if kind == "raw" and body.startswith("html"):
        from groundwork.ingestion.parse.markdown_html import Hidden, HtmlReader

        segments = HtmlReader(Hidden()).read(body, len("html"), len(body))
        return " ".join(segment.plain for segment in segments if segment.plain)
    return ""


def _targets(source: str) -> frozenset[str]:
    return frozenset(
        (match[1] or match[2]).replace("\\", "").lower() for match in _NAMED.finditer(source)
    )
