"""Paragraphs and list items, with what a browser prints in front of them.

Bullets, numbers and the colon behind a term are no text of the page, so they go into a block's reading
(`plain`) and leave its span verbatim.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.html_outline import Outline

_ENDS = (":", ".", "?", "!", "…")


@dataclass(slots=True)
class _List:
    ordered: bool
    lettered: bool
    number: int


class ProseWriter:
    """Adds blocks to an outline, joining labels and list marks to the paragraph that follows them.

    A label is a term without an id, or the title of a box such as "Note".
    """

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._labels: list[str] = []
        self._lists: list[_List] = []
        self._mark: str | None = None

    def paragraph(self, text: str) -> None:
        """A paragraph, or the first of a list item."""
        kind = BlockKind.PARAGRAPH if self._mark is None else BlockKind.LIST_ITEM
        plain = text
        if self._labels:
            label = ", ".join(self._labels)
            plain = f"{label}{' ' if label.endswith(_ENDS) else ': '}{text}"
            text = "\n".join((*self._labels, text))
            self._labels.clear()
        self._outline.add(kind, text, (self._mark or "") + plain)
        self._mark = None

    def other(
        self, kind: BlockKind, text: str, plain: str | None = None, language: str = ""
    ) -> None:
        """Code, a table or a signature: nothing joins it."""
        self.flush_labels()
        self._outline.add(kind, text, plain, language)
        self._mark = None

    def label(self, text: str) -> None:
        """Keep a label for the paragraph that follows."""
        self._labels.append(text)

    def flush_labels(self) -> None:
        """Labels that nothing followed are paragraphs of their own."""
        labels, self._labels = self._labels, []
        for label in labels:
            self.paragraph(label)

    def open_list(self, element: etree._Element) -> None:
        """An `ul`, `ol` or `menu` begins."""
        self.flush_labels()
        ordered = element.tag == "ol"
        lettered = element.get("type") in {"a", "A"}
        self._lists.append(_List(ordered, lettered, _number(element.get("start"), 1)))

    def close_list(self) -> None:
        """It ends."""
        self._lists.pop()

    def item(self, element: etree._Element) -> None:
        """An `li` begins: the next paragraph is its first."""
        self.flush_labels()
        if not self._lists:
            self._mark = "- "
            return
        innermost = self._lists[-1]
        number = _number(element.get("value"), innermost.number)
        innermost.number = number + 1
        sign = "-" if not innermost.ordered else f"{_numeral(innermost, number)}."
        self._mark = f"{'  ' * (len(self._lists) - 1)}{sign} "

    def end_item(self) -> None:
        """An `li` ends, be it empty."""
        self.flush_labels()
        self._mark = None


def _number(value: str | None, otherwise: int) -> int:
    # Nine digits are more than any list has, and int() refuses thousands of them.
    digits = (value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else otherwise


def _numeral(listing: _List, number: int) -> str:
    if listing.lettered and 1 <= number <= 26:
        return chr(ord("a") + number - 1)
    return str(number)
