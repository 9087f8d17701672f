"""One walk over a page's content: elements in, sections and blocks out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.base import DocumentBuilder

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "caption",
    ]
)
_SECTIONS = frozenset({"section", "div", "article"})
_LANGUAGE = re.compile(r"(?:highlight-|language-|lang-|brush:\s*|sourceCode\s+)([\w+#-]+)")
_NO_LANGUAGE = frozenset({"default", "none", "text", "source", "highlight", "plaintext"})
# Bidirectional controls, zero-width characters and tags hide text from people, not from models.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
# Deeper than any written page; beyond it, text is kept and structure is not.
_MAX_DEPTH = 400


@dataclass(slots=True)
class _Open:
    """The section at hand, as it was opened."""

    anchor: str
    heading: str
    level: int


class Walker:
    """Fills a builder from an element, and assembles the visible text that the blocks are spans of."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self.invisible = 0
        self._builder = builder
        self._parts: list[str] = []
        self._length = 0
        self._inline: list[str] = []
        self._section = _Open("", "", 0)
        self._pending_anchor = ""
        self._kind = BlockKind.PARAGRAPH
        self._prefix = ""

    @property
    def text(self) -> str:
        """What has been assembled."""
        return "".join(self._parts)

    def walk(self, element: etree._Element) -> None:
        """Take in the element and everything in it."""
        self._children(element, 0)
        self._flush()

    def _children(self, element: etree._Element, depth: int) -> None:
        if element.text:
            self._inline.append(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self._element(child, depth + 1)
            if child.tail:
                self._inline.append(child.tail)

    def _element(self, element: etree._Element, depth: int) -> None:
        tag = str(element.tag)
        if depth > _MAX_DEPTH:
            self._inline.extend(str(piece) for piece in element.itertext())
        elif tag == "br":
            self._inline.append("\n")
        elif tag in _HEADINGS:
            self._heading(element, _HEADINGS[tag])
        elif tag == "pre":
            self._code(element)
        elif tag in _BLOCKS:
            self._flush()
            self._block(element, tag, depth)
            self._flush()
        else:
            self._mark_anchor(element)
            self._children(element, depth)

    def _block(self, element: etree._Element, tag: str, depth: int) -> None:
        if tag == "table" and _is_data(element):
            self._table(element)
        elif tag in {"ul", "ol"}:
            self._list(element, depth, ordered=tag == "ol")
        elif tag == "dl":
            self._definitions(element, depth)
        else:
            if tag in {"p", "div"}:
                self._mark_anchor(element)
            self._children(element, depth)

    def _mark_anchor(self, element: etree._Element) -> None:
        # An empty element with an id, right before a heading, is that heading's anchor.
        own = element.get("id") or (element.get("name") if element.tag == "a" else None)
        if own and len(element) == 0 and not (element.text or "").strip():
            self._pending_anchor = own

    def _heading(self, element: etree._Element, level: int) -> None:
        self._flush()
        text = self._visible("".join(str(piece) for piece in element.itertext()))
        anchor = _heading_anchor(element) or self._pending_anchor or self._section.anchor
        self._pending_anchor = ""
        if text or anchor:
            self._open(_Open(anchor, text, level))

    def _open(self, section: _Open) -> None:
        self._section = section
        self._builder.start_section(section.anchor, section.heading, section.level)

    def _flush(self) -> None:
        if not self._inline:
            return
        text = self._visible("".join(self._inline))
        self._inline.clear()
        if text:
            plain = f"{self._prefix}{text}" if self._prefix else None
            self._add(self._kind, text, plain)
            self._prefix = ""
            self._pending_anchor = ""

    def _add(
        self, kind: BlockKind, text: str, plain: str | None = None, language: str = ""
    ) -> None:
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        self._builder.add(kind, start, self._length, plain, language)

    def _visible(self, text: str) -> str:
        """White space as a browser shows it; what nobody sees is taken out and counted."""
        text, count = _INVISIBLE.subn("", text)
        self.invisible += count
        return " ".join(text.split())

    def _code(self, element: etree._Element) -> None:
        self._flush()
        text, count = _INVISIBLE.subn("", _code_text(element))
        self.invisible += count
        text = text.replace("\r\n", "\n").rstrip()
        text = text.removeprefix("\n")
        if text.strip():
            self._add(BlockKind.CODE, text, None, _language(element))

    def _list(self, element: etree._Element, depth: int, *, ordered: bool) -> None:
        outer = self._kind, self._prefix
        start = element.get("start") or "1"
        number = int(start) if start.isdecimal() else 1
        for child in element:
            if not isinstance(child.tag, str):
                continue
            self._kind = BlockKind.LIST_ITEM
            self._prefix = f"{number}. " if ordered else "- "
            number += 1
            self._children(child, depth + 1)
            self._flush()
        self._kind, self._prefix = outer

    def _definitions(self, element: etree._Element, depth: int) -> None:
        """Terms with an id open a section of their own (an API's names, a server's settings)."""
        outer = self._section
        opened = False
        for child in element:
            if not isinstance(child.tag, str):
                continue
            self._flush()
            if child.tag == "dt":
                anchor = _own_anchor(child)
                text = self._visible("".join(str(piece) for piece in child.itertext()))
                if anchor and text:
                    self._open(_Open(anchor, _term(text, anchor), min(outer.level + 1, 6)))
                    opened = True
                if text:
                    kind = BlockKind.SIGNATURE if anchor else BlockKind.PARAGRAPH
                    self._add(kind, text)
            else:
                self._children(child, depth + 1)
        self._flush()
        if opened and outer.level:
            self._open(outer)

    def _table(self, element: etree._Element) -> None:
        rows = []
        for row in element.iter("tr"):
            cells = [
                self._visible("".join(str(piece) for piece in cell.itertext()))
                for cell in row
                if cell.tag in {"td", "th"}
            ]
            if any(cells):
                rows.append(" | ".join(cells))
        if rows:
            self._add(BlockKind.TABLE, "\n".join(rows))


def _heading_anchor(heading: etree._Element) -> str:
    """The heading's id, or one inside it, or that of the section it opens."""
    own = _own_anchor(heading)
    if own:
        return own
    child: etree._Element = heading
    parent = heading.getparent()
    while parent is not None and parent.tag in (*_SECTIONS, "header", "hgroup"):
        # Only what comes before anything else in a section names the section; title pages wrap it deep.
        if any(
            isinstance(before.tag, str) and before.tag not in {"span", "a"}
            for before in child.itersiblings(preceding=True)
        ):
            return ""
        for before in child.itersiblings(preceding=True):
            if before.get("id") or before.get("name"):
                return parent.get("id") or before.get("id") or before.get("name") or ""
        if parent.get("id"):
            return parent.get("id") or ""
        child, parent = parent, parent.getparent()
    return ""


def _own_anchor(element: etree._Element) -> str:
    if element.get("id"):
        return element.get("id") or ""
    for inside in element.iter("a", "span", "code"):
        found = inside.get("id") or (inside.get("name") if inside.tag == "a" else None)
        if found:
            return found
    return ""


def _term(text: str, anchor: str) -> str:
    """A short name for a term's section: the dotted name that its id spells, or its first words."""
    if "." in anchor and anchor.rpartition(".")[2] in text:
        return anchor
    return text if len(text) <= 80 else text[:80].rpartition(" ")[0]


def _is_data(table: etree._Element) -> bool:
    """Tables of words; those that lay out blocks (code with line numbers, admonitions) are walked through."""
    if table.find(".//pre") is not None or table.find(".//table") is not None:
        return False
    classes = table.get("class") or ""
    if "highlighttable" in classes or table.get("role") == "presentation":
        return False
    return not any(element.tag in _HEADINGS for element in table.iter())


def _code_text(element: etree._Element) -> str:
    """Verbatim, highlighting spans joined; a `br` is a line's end."""
    for line_break in element.iter("br"):
        line_break.text = "\n"
    return "".join(str(piece) for piece in element.itertext())


def _language(element: etree._Element) -> str:
    nodes = [element, *element.iter("code")]
    parent = element.getparent()
    while parent is not None and len(nodes) < 6:
        nodes.append(parent)
        parent = parent.getparent()
    for node in nodes:
        match = _LANGUAGE.search(node.get("class") or "")
        if match and match.group(1) not in _NO_LANGUAGE:
            return (
                "python" if match.group(1) in {"python3", "pycon", "ipython3"} else match.group(1)
            )
    return ""
