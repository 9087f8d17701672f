"""The block structure of reStructuredText, line by line.

docutils drops or shifts line numbers inside tables, lists and nested parses, and needs every role and
directive registered; this reader follows the reference's rules of indentation instead and keeps offsets
by construction. What it does not know it reads as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.base import DocumentBuilder, Slugger
from groundwork.ingestion.parse.rst_inline import Inline
from groundwork.ingestion.parse.rst_lines import Lines, Span
from groundwork.ingestion.parse.rst_sections import Sections
from groundwork.ingestion.parse.rst_tables import Row, render

MAX_DEPTH = 40  # blocks nested deeper are read as one paragraph; recursion has to end somewhere
_QUOTED = re.compile(r"[!-/:-@\[-`{-~]")
_NO_TEXT = (0, 0)


@dataclass(slots=True)
class Item:
    """A list item or field whose first paragraph is still to come, and what it has so far."""

    mark: str
    start: int
    plain: str = ""
    blocks: int = -1


@dataclass(slots=True)
class Region:
    """Lines `first` up to `after`, indented by `indent` at least; `top` where sections may begin."""

    first: int
    after: int
    indent: int
    item: Item | None = None
    top: bool = False
    depth: int = 0
    # The dotted name of the API object whose description this is.
    scope: str = ""


@dataclass(slots=True)
class Reader:
    """Reads the lines of one page into a builder."""

    builder: DocumentBuilder
    lines: Lines
    inline: Inline
    slugger: Slugger
    # Reads a block that begins with a mark: the line behind it, None where there is no such block.
    marked: Callable[[Reader, Region, int], int | None]
    sections: Sections = field(init=False)
    language: str = ""  # of literal blocks, as `highlight` sets it
    module: str = ""

    def __post_init__(self) -> None:
        self.sections = Sections(self.builder, self.slugger)

    def body(self, region: Region) -> None:
        """Read every block of a region."""
        if region.depth > MAX_DEPTH:
            self.text(region, self.lines.span(region.first, region.after))
            return
        number = region.first
        while number < region.after:
            if self.lines.blank(number):
                number += 1
                continue
            number = max(self._block(region, number), number + 1)

    def _block(self, region: Region, number: int) -> int:
        """Read the block that begins on line `number`; the line behind it."""
        if self.lines.indent[number] > region.indent:
            return self._quote(region, number)
        if region.top:
            after = self.sections.read(self.lines, number, region.after, self.inline)
            if after is not None:
                return after
        after = self.marked(self, region, number)
        return after if after is not None else self._prose(region, number)

    def _quote(self, region: Region, number: int) -> int:
        after = self.lines.extent(number, region.after, region.indent)
        margin = self.lines.margin(number, after)
        self.body(self.inner(region, number, after, margin))
        return after

    @staticmethod
    def inner(
        region: Region, first: int, after: int, indent: int, item: Item | None = None
    ) -> Region:
        """A region inside `region`."""
        return Region(first, after, indent, item, depth=region.depth + 1, scope=region.scope)

    def _prose(self, region: Region, number: int) -> int:
        """A paragraph, or the term of a definition list and its body."""
        after = number + 1
        while after < region.after and self.lines.indent[after] == region.indent:
            after += 1
        below = after < region.after and self.lines.indent[after] > region.indent
        if below and after == number + 1 and not self.lines.content(number).endswith("::"):
            self.text(region, self.lines.span(number, after))
            return self._quote(region, after)
        return self.paragraph(region, number, after)

    def paragraph(self, region: Region, number: int, after: int) -> int:
        """Lines of prose, and the literal block that "::" at their end announces."""
        span = self.lines.span(number, after)
        if not self.lines.text[slice(*span)].endswith("::"):
            self.text(region, span)
            return after
        if span[1] - span[0] > len("::"):
            # "text::" shows one colon, "text ::" none.
            blank = self.lines.text[span[1] - 3].isspace()
            self.text(region, (span[0], span[1] - (2 if blank else 1)))
        first = self.lines.skip_blank(after, region.after)
        return self._literal(region, first)

    def _literal(self, region: Region, first: int) -> int:
        if first >= region.after:
            return first
        if self.lines.indent[first] > region.indent:
            after = self.lines.extent(first, region.after, region.indent)
        else:
            # A quoted literal block keeps the margin; each of its lines begins with the same mark.
            mark = self.lines.content(first)[0]
            after = first
            while _QUOTED.match(mark) and after < region.after and not self.lines.blank(after):
                if self.lines.content(after)[0] != mark:
                    break
                after += 1
        if after > first:
            self.code(first, after, self.language)
        return after

    def code(self, first: int, after: int, language: str, kind: BlockKind = BlockKind.CODE) -> None:
        """Lines verbatim."""
        span, plain = self.lines.code(first, after)
        if span != _NO_TEXT:
            self.add(kind, span, plain, language)

    def text(self, region: Region, span: Span) -> None:
        """A paragraph, or the first of an item, which carries its mark."""
        source = self.lines.text[slice(*span)]
        plain = self.inline.plain(source)
        self.sections.mention(source)
        item = region.item
        if not plain:
            return
        if item is None:
            self.add(BlockKind.PARAGRAPH, span, plain)
        elif item.blocks < 0:
            item.plain = item.mark + plain
            self.add(BlockKind.LIST_ITEM, (item.start, span[1]), item.plain)
            item.blocks = self.builder.blocks
        elif item.blocks == self.builder.blocks:
            item.plain = f"{item.plain}\n{plain}"
            self.builder.extend(span[1], item.plain)
        else:
            self.add(BlockKind.PARAGRAPH, span, plain)

    def add(
        self,
        kind: BlockKind,
        span: Span,
        plain: str | None,
        language: str = "",
        anchor: str | None = None,
    ) -> None:
        """A block; a label that stood before it is spent."""
        self.sections.labels.clear()
        self.builder.add(kind, *span, plain, language, anchor=anchor)

    def table(self, first: int, after: int, rows: list[Row]) -> None:
        """A table on lines `first` up to `after`."""
        span = self.lines.span(first, after)
        self.sections.mention(self.lines.text[slice(*span)])
        self.add(BlockKind.TABLE, span, render(rows, self.inline.plain))
