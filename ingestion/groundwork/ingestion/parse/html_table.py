"""Tables: which of them are data, and their rows as text."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from groundwork.ingestion.parse.html_classes import Role, role_of
from groundwork.ingestion.parse.html_text import raw_text

_LAYOUT_CLASSES = frozenset({"highlighttable", "rouge-table", "lntable", "simplelist", "layout"})
_STRUCTURE = ("table", "h1", "h2", "h3", "h4", "h5", "h6")


def is_data(table: etree._Element) -> bool:
    """Whether a table holds rows of cells, rather than laying out blocks that read one by one.

    Layout are tables of one column, those with headings, code of several lines or tables in them, and
    what declares itself as such.
    """
    if table.get("role") in {"presentation", "none"}:
        return False
    if not _LAYOUT_CLASSES.isdisjoint(table.get("class", "").split()):
        return False
    parent = table.getparent()
    if parent is not None and role_of(parent) is Role.BOX:
        return False
    if next(table.iterdescendants(*_STRUCTURE), None) is not None:
        return False
    if any("\n" in raw_text(code).strip() for code in table.iter("pre")):
        return False
    return any(len(_cells(row)) > 1 for row in table.iter("tr"))


def rows(table: etree._Element, line: Callable[[etree._Element], str]) -> tuple[str, str]:
    """The table's text and its reading.

    The text sets cells apart by a tab and rows by a line end, as a browser does when a table is copied,
    so it is what the page shows but for white space; the reading sets cells apart by " | ". `line` reads a
    cell.
    """
    lines = []
    for row in table.iter("tr"):
        cells = [line(cell) for cell in _cells(row)]
        if any(cells):
            lines.append(cells)
    text = "\n".join("\t".join(cells).strip() for cells in lines)
    return text, "\n".join(" | ".join(cells).strip() for cells in lines)


def _cells(row: etree._Element) -> list[etree._Element]:
    return list(row.iterchildren("td", "th"))
