"""One walk over a page's content: elements in, sections and blocks out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lxml import etree

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.html_anchors import HEADING_LEVELS, Anchors, NearbyAnchors
from groundwork.ingestion.parse.html_classes import Role, role_of
from groundwork.ingestion.parse.html_code import language_of
from groundwork.ingestion.parse.html_outline import Outline
from groundwork.ingestion.parse.html_prose import ProseWriter
from groundwork.ingestion.parse.html_table import is_data, rows
from groundwork.ingestion.parse.html_terms import TermLists, term_name
from groundwork.ingestion.parse.html_text import BLOCK_TAGS, TextReader, raw_text, spaced_text

_BLOCKS = frozenset(BLOCK_TAGS)
_SECTION_TAGS = frozenset({"section", "article"})
_LABEL_CHARACTERS = 40  # a longer title of a box is a heading


class Walker:
    """Reads an element into an outline. One walker reads one page.

    The walk keeps its own stack, so no nesting is too deep for it. An element without blocks in it is read
    by one call into lxml, which is what makes it fast; `_holders` are the others.
    """

    def __init__(self, outline: Outline, anchors: Anchors, reader: TextReader) -> None:
        self._outline = outline
        self._anchors = anchors
        self._reader = reader
        self._nearby = NearbyAnchors(anchors)
        self._prose = ProseWriter(outline)
        self._terms = TermLists(outline)
        self._run: list[str] = []  # inline text since the last block
        self._stack: list[Callable[[], None]] = []
        self._holders: set[etree._Element] = set()
        self._handlers: dict[str, Callable[[etree._Element], None]] = {
            **dict.fromkeys(HEADING_LEVELS, self._heading),
            "pre": self._code,
            "table": self._table,
            "ul": self._list,
            "ol": self._list,
            "menu": self._list,
            "li": self._item,
            "dl": self._term_list,
            "dt": self._term,
            "dd": self._definition,
            "hr": lambda _: None,
        }

    def walk(self, content: etree._Element) -> None:
        """Read the element and everything in it."""
        self._holders = _holders(content)
        self._stack.append(partial(self._block, content))
        while self._stack:
            self._stack.pop()()
        self._flush()
        self._prose.flush_labels()

    def _enter(self, element: etree._Element) -> None:
        if element.tag in _BLOCKS:
            self._flush()
            self._handlers.get(element.tag, self._block)(element)
        elif element in self._holders:
            self._nearby.block(element)
            self._children(element)
        else:
            text = raw_text(element)
            # White space is kept: it may be all there is between two words.
            self._run.append(text)
            if not text.strip():
                self._nearby.empty(element)

    def _children(self, element: etree._Element) -> None:
        """Read what is in an element, before anything that was to be read after it."""
        for child in element.iterchildren(etree.Element, reversed=True):
            if child.tail:
                self._stack.append(partial(self._run.append, child.tail))
            self._stack.append(partial(self._enter, child))
        if element.text:
            self._run.append(element.text)

    def _flush(self) -> None:
        """End the paragraph that inline text made."""
        if not self._run:
            return
        text = self._reader.prose("".join(self._run))
        self._run.clear()
        if text:
            self._nearby.clear()
            self._prose.paragraph(text)

    def _block(self, element: etree._Element) -> None:
        role = role_of(element)
        if role is Role.SIGNATURE and not _is_header_cell(element):
            self._signature(element)
        elif role is Role.LABEL:
            self._label(element)
        elif element not in self._holders:
            self._leaf(element)
        elif role is Role.LINES:
            self._lines(element)
        elif role is Role.SECTION or element.tag in _SECTION_TAGS:
            self._nearby.section(element)
            self._outline.open_scope()
            self._stack.append(self._leave_section)
            anchor = self._anchors.of_element(element)
            if anchor and not _has_heading(element):
                self._outline.unnamed(anchor)
            self._children(element)
        else:
            self._nearby.block(element)
            self._stack.append(self._leave_box if role is Role.BOX else self._flush)
            self._children(element)

    def _line(self, element: etree._Element) -> str:
        """All of an element on one line."""
        held = element in self._holders
        return self._reader.line(spaced_text(element) if held else raw_text(element))

    def _leaf(self, element: etree._Element) -> None:
        text = raw_text(element)
        if text.strip():
            self._run.append(text)
            self._flush()
        else:
            self._nearby.empty(element)

    def _leave_section(self) -> None:
        self._flush()
        self._prose.flush_labels()
        self._outline.close_scope()

    def _leave_box(self) -> None:
        self._flush()
        self._prose.flush_labels()

    def _heading(self, element: etree._Element) -> None:
        text = self._line(element)
        anchor = self._anchors.of_heading(element)
        if not text:
            self._nearby.empty(element)
            return
        if not anchor and len(text) <= _LABEL_CHARACTERS and _is_box_title(element):
            self._nearby.clear()
            self._prose.label(text)
            return
        anchor = anchor or self._nearby.best()
        self._nearby.clear()
        self._prose.flush_labels()
        level = HEADING_LEVELS[element.tag]
        if role_of(element) is Role.SIGNATURE:
            self._outline.heading(level, term_name(element, text, anchor), anchor, text)
        else:
            self._outline.heading(level, text, anchor)

    def _label(self, element: etree._Element) -> None:
        text = self._line(element)
        if text:
            self._nearby.clear()
            self._prose.label(text)

    def _lines(self, element: etree._Element) -> None:
        """Verse and addresses: one block of which each line is an element."""
        texts = (self._line(line) for line in element)
        lines = "\n".join(text for text in texts if text)
        if lines:
            self._nearby.clear()
            self._prose.paragraph(lines)

    def _signature(self, element: etree._Element) -> None:
        code = next(element.iterdescendants("pre"), None)
        text = self._line(element) if code is None else self._reader.code(code)
        if text.strip():
            self._nearby.clear()
            self._prose.other(BlockKind.SIGNATURE, text)

    def _code(self, element: etree._Element) -> None:
        language = language_of(element)
        text = self._reader.code(element)
        if not text.strip():
            self._nearby.empty(element)
            return
        self._nearby.clear()
        kind = BlockKind.CODE
        if role_of(element) is Role.SIGNATURE:
            kind = BlockKind.SIGNATURE
        elif any(role_of(above) is Role.OUTPUT for above in _above(element, 3)):
            kind = BlockKind.OUTPUT
        self._prose.other(kind, text, language=language)

    def _table(self, element: etree._Element) -> None:
        if not is_data(element):
            self._block(element)
            return
        for caption in element.iterchildren("caption"):
            self._leaf(caption)
        text, plain = rows(element, self._line)
        if text:
            self._nearby.clear()
            self._prose.other(BlockKind.TABLE, text, plain)

    def _list(self, element: etree._Element) -> None:
        self._nearby.block(element)
        self._prose.open_list(element)
        self._stack.append(self._leave_list)
        self._children(element)

    def _leave_list(self) -> None:
        self._flush()
        self._prose.close_list()

    def _item(self, element: etree._Element) -> None:
        self._prose.item(element)
        self._stack.append(self._leave_item)
        self._block(element)

    def _leave_item(self) -> None:
        self._flush()
        self._prose.end_item()

    def _term_list(self, element: etree._Element) -> None:
        self._nearby.block(element)
        self._prose.flush_labels()
        self._terms.open_list()
        self._stack.append(self._leave_term_list)
        self._children(element)

    def _leave_term_list(self) -> None:
        self._flush()
        self._prose.flush_labels()
        self._terms.close_list()

    def _term(self, element: etree._Element) -> None:
        # Terms and definitions need no end tag, which lxml does not know of terms in a row.
        for nested in reversed(list(element.iterchildren("dt", "dd"))):
            if nested.tail:
                self._stack.append(partial(self._run.append, nested.tail))
            self._stack.append(partial(self._enter, nested))
            element.remove(nested)
        anchor = self._anchors.of_heading(element)
        name = term_name(element, self._reader.line(raw_text(element)), anchor) if anchor else ""
        text = self._line(element)
        if not text:
            return
        self._nearby.clear()
        if anchor and self._terms:
            self._prose.flush_labels()
            self._terms.term(name, anchor)
            self._outline.add(BlockKind.SIGNATURE, text, anchor=anchor)
        else:
            self._terms.plain_term()
            self._prose.label(text)

    def _definition(self, element: etree._Element) -> None:
        self._terms.definition()
        self._stack.append(self._leave_box)
        self._block(element)


def _holders(content: etree._Element) -> set[etree._Element]:
    """The elements that have a block somewhere in them."""
    holders: set[etree._Element] = set()
    for block in content.iterdescendants(*BLOCK_TAGS):
        for above in block.iterancestors():
            if above in holders:
                break
            holders.add(above)
    return holders


def _above(element: etree._Element, levels: int) -> list[etree._Element]:
    found = []
    for above in element.iterancestors():
        found.append(above)
        if len(found) == levels:
            break
    return found


def _has_heading(section: etree._Element) -> bool:
    """Whether the section's first heading with text is its own, and not one of a section inside it."""
    for heading in section.iter(*HEADING_LEVELS):
        if raw_text(heading).strip():
            around = next(heading.iterancestors(*_SECTION_TAGS, "div"), None)
            while (
                around is not None
                and around is not section
                and around.tag == "div"
                and not around.get("id")
            ):
                around = next(around.iterancestors(*_SECTION_TAGS, "div"), None)
            return around is section
    return False


def _is_box_title(element: etree._Element) -> bool:
    return any(role_of(above) is Role.BOX for above in _above(element, 2))


def _is_header_cell(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == "th"
