"""Text as a browser prints it, out of elements: white space, line breaks, characters without a glyph."""

from __future__ import annotations

from lxml import etree

from groundwork.ingestion.parse.visible import without_invisible

BLOCK_TAGS = (
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
)  # fmt: skip
_LINE_TAGS = ("div", "li", "tr", "p")
# Line breaks become this separator in the tree, so that one C call reads an element's text with them.
BREAK = "\u2028"


def mark_breaks(root: etree._Element) -> None:
    """Give every `br` its line end as text; once per tree, before any text is read."""
    for element in root.iter("br"):
        element.text = BREAK


def raw_text(element: etree._Element) -> str:
    """All text in an element, white space as in the source."""
    # Three times as fast as joining `itertext()`, which makes an object of every element.
    return etree.tostring(element, method="text", encoding="unicode", with_tail=False)


def spaced_text(element: etree._Element) -> str:
    """All text in an element with its blocks set apart, on one line. Changes the tree: read it once."""
    for block in element.iterdescendants(*BLOCK_TAGS):
        block.text = " " + (block.text or "")
        block.tail = " " + (block.tail or "")
    return raw_text(element)


class TextReader:
    """Makes printed text of raw text, and counts the characters that it leaves out."""

    def __init__(self) -> None:
        self.invisible = 0

    def line(self, raw: str) -> str:
        """One line, for headings and table cells."""
        return " ".join(self._visible(raw).split())

    def prose(self, raw: str) -> str:
        """White space collapsed; a line break is a line's end."""
        text = self._visible(raw)
        if BREAK not in text:
            return " ".join(text.split())
        lines = (" ".join(line.split()) for line in text.split(BREAK))
        return "\n".join(line for line in lines if line)

    def code(self, element: etree._Element) -> str:
        """Preformatted text as it stands, without the line end after the tag and the space at the end."""
        for line in element.iterdescendants(*_LINE_TAGS):
            _end_line(line)
        text = self._visible(raw_text(element)).replace(BREAK, "\n")
        return text.removeprefix("\n").rstrip()

    def _visible(self, raw: str) -> str:
        text, count = without_invisible(raw)
        self.invisible += count
        return text


def _end_line(line: etree._Element) -> None:
    """Some highlighters make every line a block and print no line end."""
    if next(line.iterdescendants(*_LINE_TAGS), None) is not None:
        return
    tail = line.tail or ""
    if not tail.startswith("\n") and not raw_text(line).endswith(("\n", BREAK)):
        line.tail = "\n" + tail
