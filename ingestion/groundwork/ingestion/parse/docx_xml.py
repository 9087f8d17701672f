"""What WordprocessingML says of a paragraph: its visible text, its bookmark, its list, its outline level.

python-docx gives neither content controls, tracked changes nor hidden text their due, so these read the
elements themselves (ISO/IEC 29500-1, part 17).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_OFF = frozenset({"0", "false", "off", "none"})
# Removed by a tracked change, or not text of this paragraph.
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}txbxContent", _FALLBACK})
_BREAKS = frozenset({f"{_W}br", f"{_W}cr"})
_CONTENTS = frozenset({"Table of Contents", "Table of Figures", "Bibliography"})
_MONOSPACE = re.compile(
    r"\b(?:mono|courier|consolas|menlo|monaco|lucida console|cascadia|code|fixed)|mono\b",
    re.IGNORECASE,
)


def body_items(body: Any) -> Iterator[Any]:
    """Paragraph (`w:p`) and table (`w:tbl`) elements in document order, those in content controls too.

    A generated table of contents is left out.
    """
    waiting = list(reversed(body))
    while waiting:
        element = waiting.pop()
        if element.tag in {f"{_W}p", f"{_W}tbl"}:
            yield element
        elif element.tag == f"{_W}sdt":
            gallery = element.find(f"{_W}sdtPr/{_W}docPartObj/{_W}docPartGallery")
            if gallery is None or gallery.get(f"{_W}val") not in _CONTENTS:
                waiting.extend(reversed(list(element.iterfind(f"{_W}sdtContent/*"))))
        elif element.tag in {f"{_W}ins", f"{_W}moveTo", f"{_W}customXml"}:
            waiting.extend(reversed(element))


# Letters of two points cannot be read.
_TINY_HALF_POINTS = 4


def visible_text(paragraph: Any) -> str:
    """The text that is shown: with insertions, without deletions and hidden runs; a break is a line end."""
    parts: list[str] = []
    waiting = [paragraph]
    while waiting:
        element = waiting.pop()
        tag = element.tag
        if tag in _SKIPPED or (tag == f"{_W}r" and _is_hidden(element)):
            continue
        if tag == f"{_W}t":
            parts.append(element.text or "")
        elif tag == f"{_W}tab" and element.getparent().tag == f"{_W}r":
            parts.append("\t")
        elif tag in _BREAKS:
            parts.append("\n")
        elif tag == f"{_W}noBreakHyphen":
            parts.append("-")
        waiting.extend(reversed(element))
    return "".join(parts)


def bookmark(paragraph: Any) -> str:
    """The name of the paragraph's bookmark, one that a person gave if there is one; "" without."""
    names = [mark.get(f"{_W}name") or "" for mark in paragraph.iter(f"{_W}bookmarkStart")]
    named = [name for name in names if name and name != "_GoBack"]
    return min(named, key=lambda name: name.startswith("_"), default="")


def is_monospace(paragraph: Any) -> bool:
    """Whether every run with text is set in a font of fixed width."""
    runs = [run for run in paragraph.iter(f"{_W}r") if _has_text(run)]
    return bool(runs) and all(_MONOSPACE.search(_font(run)) for run in runs)


def outline_level(paragraph: Any, styles: Sequence[Any]) -> int | None:
    """1 to 9 as the paragraph or its style says, None for body text."""
    for owner in (paragraph, *styles):
        level = owner.find(f"{_W}pPr/{_W}outlineLvl")
        if level is not None:
            value = level.get(f"{_W}val") or ""
            return int(value) + 1 if value.isdecimal() and int(value) < 9 else None
    return None


def numbering(paragraph: Any, styles: Sequence[Any]) -> tuple[str, int] | None:
    """The list's id and the paragraph's level in it, from 0; None outside of lists."""
    for owner in (paragraph, *styles):
        properties = owner.find(f"{_W}pPr/{_W}numPr")
        identity = None if properties is None else properties.find(f"{_W}numId")
        if properties is None or identity is None:
            continue
        number = identity.get(f"{_W}val") or "0"
        level = properties.find(f"{_W}ilvl")
        depth = "0" if level is None else level.get(f"{_W}val") or "0"
        return None if number == "0" else (number, int(depth) if depth.isdecimal() else 0)
    return None


def bullet_lists(numbering_root: Any | None) -> set[tuple[str, int]]:
    """Which lists and levels of a document are bulleted, of its numbering part."""
    if numbering_root is None:
        return set()
    abstract: dict[str, set[int]] = {}
    for definition in numbering_root.iterfind(f"{_W}abstractNum"):
        bulleted = set()
        for level in definition.iterfind(f"{_W}lvl"):
            kind = level.find(f"{_W}numFmt")
            depth = level.get(f"{_W}ilvl") or ""
            if (
                kind is not None
                and kind.get(f"{_W}val") in {"bullet", "none"}
                and depth.isdecimal()
            ):
                bulleted.add(int(depth))
        abstract[definition.get(f"{_W}abstractNumId") or ""] = bulleted
    found: set[tuple[str, int]] = set()
    for instance in numbering_root.iterfind(f"{_W}num"):
        link = instance.find(f"{_W}abstractNumId")
        levels = abstract.get("" if link is None else link.get(f"{_W}val") or "", set())
        found.update((instance.get(f"{_W}numId") or "", level) for level in levels)
    return found


def rows(table: Any) -> list[list[str]]:
    """A table's cells as one line each. Cells that continue the one above are empty."""
    found = []
    for row in table.iterfind(f"{_W}tr"):
        cells = []
        for cell in row.iterfind(f"{_W}tc"):
            merge = cell.find(f"{_W}tcPr/{_W}vMerge")
            continues = merge is not None and merge.get(f"{_W}val") != "restart"
            lines = () if continues else (visible_text(each) for each in cell.iter(f"{_W}p"))
            cells.append(" ".join(" ".join(lines).split()))
        found.append(cells)
    return found


def hidden_text(body: Any) -> str:
    """The text of runs that nobody sees, a run a line: hidden ones, white ones and those of two points or less.

    Only the first are left out of the text as well: a style can give white letters a dark ground.
    """
    found = (
        "".join(text.text or "" for text in run.iter(f"{_W}t"))
        for run in body.iter(f"{_W}r")
        if _is_hidden(run) or _is_white(run) or _is_tiny(run)
    )
    return "\n".join(text for text in found if text.strip())


def _is_hidden(run: Any) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and (vanish.get(f"{_W}val") or "true").lower() not in _OFF


def _is_white(run: Any) -> bool:
    """White letters without anything behind them: neither run nor paragraph nor cell is shaded."""
    colour = run.find(f"{_W}rPr/{_W}color")
    if colour is None or (colour.get(f"{_W}val") or "").lower() != "ffffff":
        return False
    if run.find(f"{_W}rPr/{_W}shd") is not None or run.find(f"{_W}rPr/{_W}highlight") is not None:
        return False
    return not any(
        above.find(f"{_W}{properties}/{_W}shd") is not None
        for above in run.iterancestors(f"{_W}p", f"{_W}tc", f"{_W}tbl")
        for properties in ("pPr", "tcPr", "tblPr")
    ) and not any(True for _ in run.iterancestors(f"{_W}tbl"))


def _is_tiny(run: Any) -> bool:
    size = run.find(f"{_W}rPr/{_W}sz")
    value = "" if size is None else size.get(f"{_W}val") or ""
    return value.isdigit() and 0 < int(value) <= _TINY_HALF_POINTS


def _has_text(run: Any) -> bool:
    return any((text.text or "").strip() for text in run.iter(f"{_W}t"))


def _font(run: Any) -> str:
    fonts = run.find(f"{_W}rPr/{_W}rFonts")
    return "" if fonts is None else fonts.get(f"{_W}ascii") or fonts.get(f"{_W}hAnsi") or ""
