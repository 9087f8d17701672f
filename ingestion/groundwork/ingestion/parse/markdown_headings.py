"""Headings of Markdown: the section, and the anchor that the published page gives it."""

from __future__ import annotations

from groundwork.ingestion.parse.base import DocumentBuilder, Slugger, slugify
from groundwork.ingestion.parse.dialect import Dialect
from groundwork.ingestion.parse.markdown_inline import (
    InlineReader,
    split_heading_id,
    without_markers,
)


class Headings:
    """Starts a section for each heading.

    `pending` is an id that stands directly before a heading and belongs to it.
    """

    def __init__(self, builder: DocumentBuilder, dialect: Dialect, slugger: Slugger) -> None:
        self.dialect = dialect
        self.pending = ""
        self._builder = builder
        self._slugger = slugger

    def markdown(self, content: str, level: int, inline: InlineReader) -> None:
        """A heading in Markdown; `content` is its source without the # marks."""
        source, explicit = split_heading_id(content)
        inline.anchor = ""
        text = inline.plain(source)
        if not text:
            return
        # goldmark makes the id from the heading's source, all others from what it shows.
        seen = without_markers(source, self.dialect) if self.dialect.rule == "hugo" else text
        self._start(text, level, explicit, inline.anchor, seen)

    def html(self, text: str, level: int, explicit: str) -> None:
        """A heading in raw HTML; of the generators only GitHub gives it an id that it does not have."""
        if self.dialect.rule != "github" and not explicit:
            self._builder.start_section(self.pending, text, level)
            self.pending = ""
        else:
            self._start(text, level, explicit, "", text)

    def _start(self, text: str, level: int, explicit: str, inner: str, slug_of: str) -> None:
        label = self.pending
        self.pending = ""
        if explicit:
            anchor = self._slugger.reserve(explicit)
        else:
            generated = self._slugger.slug(slug_of)
            if self.dialect.directives and label:
                label = self._slugger.reserve(slugify(label, "sphinx"))
            anchor = inner or label or generated
        if self.dialect.site == "docusaurus" and level == 1:
            anchor = ""  # its page title is rendered without an id
        self._builder.start_section(anchor, text, level)
