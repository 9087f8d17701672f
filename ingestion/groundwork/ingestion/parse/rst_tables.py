"""Tables of reStructuredText as rows of cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from itertools import pairwise

GRID_BORDER = re.compile(r"\+(?:[-=]+\+)+$")
SIMPLE_BORDER = re.compile(r"=+(?:[ \t]+=+)+$")
_SPAN_BORDER = re.compile(r"-[- ]*$")
_PARTIAL_BORDER = re.compile(r"\+[-=]+\+|\+[-=]{2,}|[-=]{2,}\+")
_DIRECTIVE = re.compile(r"^\.\. (?:(?:code-block|code|sourcecode)::.*|[\w:-]+::[ \t]*)")
_OPTION = re.compile(r":(?:linenos|caption|emphasize-lines|class|name|language|width|alt):")
_CELL = re.compile(r"[*+-](?:[ \t]+|$)")

Row = list[str]


def render(rows: Iterable[Row], plain: Callable[[str], str]) -> str:
    """One line a row, its cells apart by " | "."""
    lines = []
    for row in rows:
        cells = [plain(_cell(cell.split("\n")).strip()) for cell in row]
        if any(cells):
            lines.append(" | ".join(cells).rstrip(" |"))
    return "\n".join(lines)


def grid_rows(lines: list[str]) -> list[Row]:
    """The rows of a grid table; a cell that spans columns counts as one."""
    columns = sorted({place for line in lines for place in _corners(line)})
    rows: list[Row] = []
    cells: dict[int, list[str]] = {}
    for line in lines:
        if _PARTIAL_BORDER.search(line):
            rows.append(_joined(cells))
            cells = {}
            continue
        bars = [place for place in columns if place < len(line) and line[place] == "|"]
        for left, right in pairwise(bars):
            cells.setdefault(left, []).append(line[left + 1 : right].strip())
    rows.append(_joined(cells))
    return [row for row in rows if row]


def _corners(line: str) -> list[int]:
    return (
        [place for place, sign in enumerate(line) if sign == "+"]
        if "+-" in line or "+=" in line
        else []
    )


def _joined(cells: dict[int, list[str]]) -> Row:
    return [_cell(cells[place]) for place in sorted(cells)]


def _cell(lines: Iterable[str]) -> str:
    """A cell on one line, without the markers of directives in it."""
    parts = (_DIRECTIVE.sub("", line) for line in lines)
    return " ".join(part for part in parts if part and not _OPTION.match(part))


def simple_rows(lines: list[str]) -> list[Row]:
    """The rows of a simple table; a row without text in its first column continues the one above."""
    starts = [match.start() for match in re.finditer(r"=+", lines[0])]
    rows: list[Row] = []
    for line in lines[1:]:
        if SIMPLE_BORDER.match(line.strip()) or _SPAN_BORDER.match(line.strip()):
            continue
        cells = [
            line[left:right].strip()
            for left, right in zip(starts, [*starts[1:], None], strict=True)
        ]
        if rows and not cells[0]:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return rows


def list_rows(lines: list[str]) -> list[Row]:
    """The rows of a list-table: an outer list of rows, each a list of cells."""
    rows: list[Row] = []
    inner = -1
    outer = next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
    for line in lines:
        text, column = line.strip(), len(line) - len(line.lstrip())
        if column == outer and _CELL.match(text):
            rows.append([])
            text = text[1:].lstrip()
            column = len(line) - len(text)
            inner = column
        if not rows or not text:
            continue
        if _CELL.match(text) and column == inner:
            rows[-1].append(text[1:].strip())
        elif rows[-1]:
            rows[-1][-1] += "\n" + text
        else:
            rows[-1].append(text)
    return rows


def csv_rows(header: str, lines: list[str]) -> list[Row]:
    """The rows of a csv-table, its `:header:` option first."""
    source = [line.strip() for line in (header, *lines) if line.strip()]
    try:
        return list(csv.reader(source, skipinitialspace=True))
    except csv.Error:
        return [[line] for line in source]
