"""Blocks of reStructuredText that begin with a mark: lists, fields, tables, doctests, explicit markup."""

from __future__ import annotations

import re
from collections.abc import Callable

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.rst_directives import read_explicit
from groundwork.ingestion.parse.rst_reader import Item, Reader, Region
from groundwork.ingestion.parse.rst_tables import GRID_BORDER, SIMPLE_BORDER, grid_rows, simple_rows

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


def read_marked(reader: Reader, region: Region, number: int) -> int | None:
    """The line behind the block whose mark stands on line `number`, None where that is prose."""
    text = reader.lines.content(number)
    handler = _HANDLERS.get(text[0]) or (_enumerated if _ENUMERATOR.match(text) else None)
    return handler(reader, region, number) if handler else None


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
    return read_explicit(reader, region, number, after)


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
