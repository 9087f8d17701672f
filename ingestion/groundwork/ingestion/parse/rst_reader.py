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
from groundwork.ingestion.parse.rst_tables import (
    GRID_BORDER,
    SIMPLE_BORDER,
    Row,
    grid_rows,
    render,
    simple_rows,
)

MAX_DEPTH = 40  # blocks nested deeper are read as one paragraph; recursion has to end somewhere
_BULLET = re.compile(r"[-+*•‣⁃](?:[ \t]+|$)")
_ENUMERATOR = re.compile(
    r"(\(?)(\d{1,9}|[A-Za-z]|[ivxlcdm]{1,10}|[IVXLCDM]{1,10}|#)(\)|(?<!\()\.)(?:[ \t]+|$)"
)
_FIELD = re.compile(r":(?![\s:`])((?:\\.|[^\\:\n]|:(?![\s`])){1,300}):(?:[ \t]+|$)")
_LINE_BLOCK = re.compile(r"\|(?:[ \t]|$)")
_EXPLICIT = re.compile(r"\.\.(?:[ \t]+|$)")
_PARAMETER = re.compile(
    r"(?:param|parameter|arg|argument|key|keyword|kwarg|raises?|except|exception|var|ivar|cvar)\s+(.+)"
)
_RETURNS = {"return": "Returns", "returns": "Returns", "rtype": "Return type", "yields": "Yields"}
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
    directive: Callable[[Reader, Region, int, int], int | None]
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
        text = self.lines.content(number)
        if region.top:
            after = self.sections.read(self.lines, number, region.after, self.inline)
            if after is not None:
                return after
        handler = _HANDLERS.get(text[0]) or (_enumerated if _ENUMERATOR.match(text) else None)
        after = handler(self, region, number) if handler else None
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


def _bullet(reader: Reader, region: Region, number: int) -> int | None:
    match = _BULLET.match(reader.lines.content(number))
    return _item(reader, region, number, match, "- ") if match else None


def _enumerated(reader: Reader, region: Region, number: int) -> int | None:
    match = _ENUMERATOR.match(reader.lines.content(number))
    if match is None:
        return None
    width = len(match[0])
    following = number + 1
    # "A. Einstein wrote" over a second line at the margin is prose.
    if following < region.after and reader.lines.indent[following] == region.indent:
        if not _ENUMERATOR.match(reader.lines.content(following)):
            return None
    elif following < region.after and 0 <= reader.lines.indent[following] < region.indent + width:
        return None
    mark = "- " if match[2] == "#" else f"{match[2]}. "
    return _item(reader, region, number, match, mark)


def _item(
    reader: Reader, region: Region, number: int, match: re.Match[str], mark: str
) -> int | None:
    lines = reader.lines
    start, width = lines.begin(number), len(match[0])
    after = lines.extent(number + 1, region.after, region.indent)
    if match[0][-1:].isspace() or after == number + 1:
        indent = region.indent + width
    else:
        indent = lines.margin(number + 1, after)
    # A body that hangs less far than the text beside the mark still belongs to the item.
    margin = lines.margin(number + 1, after)
    if 0 <= margin < indent:
        indent = margin
    lines.move(number, width, indent)
    reader.body(reader.inner(region, number, after, indent, Item(mark, start)))
    return after


def field_mark(name: str) -> str:
    """How a field of a field list reads: ":param int n:" is "n (int): "."""
    lowered = name.lower()
    if lowered in _RETURNS:
        return f"{_RETURNS[lowered]}: "
    match = _PARAMETER.fullmatch(name)
    if match is None:
        return f"{name}: "
    kind, _, last = match[1].rpartition(" ")
    return (
        f"{last} ({kind}): "
        if kind and not lowered.startswith(("raise", "exc"))
        else f"{match[1]}: "
    )


def _field(reader: Reader, region: Region, number: int) -> int | None:
    lines = reader.lines
    match = _FIELD.match(lines.content(number))
    if match is None:
        return None
    start = lines.begin(number)
    after = lines.extent(number + 1, region.after, region.indent)
    if region.top and not reader.builder.blocks:
        # At the top of the page they are its metadata, such as :orphan: and :tocdepth:.
        value = " ".join(lines.text[start + len(match[0]) : lines.span(number, after)[1]].split())
        reader.builder.metadata[match[1].strip().lower()] = value
        return after
    margin = lines.margin(number + 1, after)
    indent = margin if margin >= 0 else region.indent + 1
    lines.move(number, len(match[0]), indent)
    mark = field_mark(reader.inline.plain(match[1]))
    reader.body(reader.inner(region, number, after, indent, Item(mark, start)))
    return after


def _line_block(reader: Reader, region: Region, number: int) -> int | None:
    lines = reader.lines
    if not _LINE_BLOCK.match(lines.content(number)):
        return None
    after = number
    pieces = []
    while after < region.after and not lines.blank(after):
        text = lines.content(after)
        if not _LINE_BLOCK.match(text) and lines.indent[after] <= region.indent:
            break
        pieces.append(reader.inline.plain(text.removeprefix("|").strip()))
        after += 1
    plain = " ".join(piece for piece in pieces if piece)
    reader.add(BlockKind.PARAGRAPH, lines.span(number, after), plain)
    return after


def _doctest(reader: Reader, region: Region, number: int) -> int | None:
    if not reader.lines.content(number).startswith((">>> ", ">>>\n")):
        return None
    after = number
    while after < region.after and not reader.lines.blank(after):
        after += 1
    reader.code(number, after, "python")
    return after


def _grid_table(reader: Reader, region: Region, number: int) -> int | None:
    lines = reader.lines
    if not GRID_BORDER.match(lines.content(number)):
        return None
    after = number
    while after < region.after and not lines.blank(after) and lines.content(after)[0] in "+|":
        after += 1
    rows = grid_rows([lines.content(each) for each in range(number, after)])
    reader.table(number, after, rows)
    return after


def _simple_table(reader: Reader, region: Region, number: int) -> int | None:
    lines = reader.lines
    if not SIMPLE_BORDER.match(lines.content(number)):
        return None
    column = lines.column(number)
    for each in range(number + 1, region.after):
        if lines.blank(each) or not SIMPLE_BORDER.match(lines.content(each)):
            continue
        # A border with a blank line behind it is the last one, unless it is the header's.
        if lines.blank(each + 1):
            source = [
                lines.content(number),
                *(lines.raw(k)[column:] for k in range(number + 1, each)),
            ]
            reader.table(number, each + 1, simple_rows(source))
            return each + 1
    return None


def _explicit(reader: Reader, region: Region, number: int) -> int | None:
    if not _EXPLICIT.match(reader.lines.content(number)):
        return None
    after = reader.lines.extent(number + 1, region.after, region.indent)
    return reader.directive(reader, region, number, after)


def _anonymous(reader: Reader, _region: Region, number: int) -> int | None:
    return number + 1 if reader.lines.content(number).startswith("__ ") else None


_HANDLERS: dict[str, Callable[[Reader, Region, int], int | None]] = {
    **dict.fromkeys("-*•‣⁃", _bullet),
    "+": lambda *place: _grid_table(*place) or _bullet(*place),
    "=": _simple_table,
    ":": _field,
    "|": _line_block,
    ">": _doctest,
    ".": _explicit,
    "_": _anonymous,
}
