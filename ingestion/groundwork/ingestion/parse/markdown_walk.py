"""From markdown-it's tokens to sections and blocks with offsets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.base import DocumentBuilder, Slugger
from groundwork.ingestion.parse.markdown_headings import Headings
from groundwork.ingestion.parse.markdown_html import TAG, Hidden, HtmlReader, Segment, attributes
from groundwork.ingestion.parse.markdown_inline import ALERT, InlineReader, plain_title
from groundwork.ingestion.parse.markdown_shortcodes import SHORTCODE
from groundwork.ingestion.parse.markdown_source import Source, Span, without_quote_marks

if TYPE_CHECKING:
    from markdown_it.token import Token

_LANGUAGE = re.compile(r"\s*\{?[.\s]*([A-Za-z][\w+#.-]*)")
_TOC = re.compile(r"\[(?:TOC|\[_?TOC_?\])\]", re.IGNORECASE)
_ROW_SEPARATOR = " | "


@dataclass(slots=True)
class _Item:
    """An open list item."""

    mark: str  # "- " or "1. "
    level: int
    plain: str = ""
    blocks: int = -1  # how many there were right after its own


class Walker:
    """Walks the tokens of one page, or of one cell of a notebook."""

    def __init__(
        self,
        builder: DocumentBuilder,
        source: Source,
        headings: Headings,
        inline: InlineReader,
        hidden: Hidden,
    ) -> None:
        self._builder = builder
        self._source = source
        self._headings = headings
        self._inline = inline
        self._hidden = hidden
        self._html = HtmlReader(hidden)
        self._items: list[_Item] = []
        self._numbers: list[
            int | None
        ] = []  # the next of each open list, None where it has bullets
        self._quotes = 0
        self._level = 0  # of the heading that is open
        self._rows: list[list[str]] | None = None  # of the table that is open
        self._handlers: dict[str, Callable[[Token], None]] = {
            "heading_open": self._heading_open,
            "inline": self._inline_token,
            "bullet_list_open": self._list_open,
            "bullet_list_close": self._list_close,
            "ordered_list_open": self._list_open,
            "ordered_list_close": self._list_close,
            "list_item_open": self._item_open,
            "list_item_close": self._item_close,
            "blockquote_open": self._quote_open,
            "blockquote_close": self._quote_close,
            "table_open": self._table_open,
            "tr_open": self._row_open,
            "table_close": self._table_close,
            "fence": self._fence,
            "code_block": self._fence,
            "html_block": self._html_block,
            "marker": self._marker,
            "rst": self._rst,
        }
        self._table_lines = (0, 0)

    def walk(self, tokens: list[Token]) -> None:
        """Add everything in the tokens to the builder, in their order."""
        for token in tokens:
            handler = self._handlers.get(token.type)
            if handler is not None:
                handler(token)

    def _add(self, kind: BlockKind, span: Span, plain: str | None, language: str = "") -> None:
        if not self._hidden:
            self._headings.pending = ""
            self._builder.add(kind, *span, plain, language)

    def _heading_open(self, token: Token) -> None:
        self._level = int(token.tag[1])

    def _list_open(self, token: Token) -> None:
        # Only the first number of an ordered list counts: "1." on every line is shown as 1., 2., 3.
        start = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        self._numbers.append(start)

    def _list_close(self, _token: Token) -> None:
        self._numbers.pop()

    def _item_open(self, token: Token) -> None:
        number = self._numbers[-1]
        self._items.append(_Item("- " if number is None else f"{number}. ", token.level))
        if number is not None:
            self._numbers[-1] = number + 1

    def _item_close(self, _token: Token) -> None:
        self._items.pop()

    def _quote_open(self, _token: Token) -> None:
        self._quotes += 1

    def _quote_close(self, _token: Token) -> None:
        self._quotes -= 1

    def _inline_token(self, token: Token) -> None:
        if self._level:
            level, self._level = self._level, 0
            if not self._hidden:
                self._headings.markdown(token.content, level, self._inline)
        elif self._rows is not None:
            if self._rows:
                self._rows[-1].append(self._inline.plain(token.content))
        else:
            self._paragraph(token)

    def _paragraph(self, token: Token) -> None:
        content, lines = token.content, list(token.map or (0, 1))
        if self._quotes and (alert := ALERT.match(content)):
            content = content[alert.end() :]
            lines[0] += 1
        if not content.strip() or _TOC.fullmatch(content.strip()):
            return
        self._inline.anchor = ""
        plain = self._inline.plain(content)
        if not plain:
            self._headings.pending = self._inline.anchor or self._headings.pending
            return
        span = self._source.inline(lines, content)
        item = self._items[-1] if self._items else None
        if item is None or token.level != item.level + 2:
            self._add(BlockKind.PARAGRAPH, span, plain)
        else:
            self._item_paragraph(item, lines[0], span, plain)

    def _item_paragraph(self, item: _Item, line: int, span: Span, plain: str) -> None:
        if item.blocks < 0:
            item.plain = item.mark + plain
            start = self._source.with_mark(line, span[0])
            self._add(BlockKind.LIST_ITEM, (start, span[1]), item.plain)
            item.blocks = self._builder.blocks
        elif item.blocks == self._builder.blocks and not self._hidden:
            item.plain = f"{item.plain}\n{plain}"
            self._builder.extend(span[1], item.plain)
        else:
            self._add(BlockKind.PARAGRAPH, span, plain)

    def _table_open(self, token: Token) -> None:
        first, after = token.map or (0, 1)
        self._rows, self._table_lines = [], (first, after)

    def _row_open(self, _token: Token) -> None:
        if self._rows is not None:
            self._rows.append([])

    def _table_close(self, _token: Token) -> None:
        rows = self._rows or []
        self._rows = None
        plain = "\n".join(_ROW_SEPARATOR.join(row).strip() for row in rows if any(row))
        self._add(BlockKind.TABLE, self._source.block(self._table_lines), plain)

    def _fence(self, token: Token) -> None:
        if not token.content.strip():
            return
        first, after = token.map or (0, 1)
        if token.type == "fence" and "bare" not in token.meta:
            first += 1
            after = first + token.content.count("\n") + (not token.content.endswith("\n"))
        span = self._source.lines(first, after)
        plain = token.content.removesuffix("\n")
        verbatim = self._source.slice(span)
        language = _LANGUAGE.match(token.info)
        self._add(
            BlockKind.CODE,
            span,
            None if plain == verbatim else plain,
            language[1].lower() if language else "",
        )

    def _html_block(self, token: Token) -> None:
        span = self._source.lines(*(token.map or (0, 1)))
        text = self._source.slice(span)
        if self._quotes:
            text = without_quote_marks(text)
        if self._headings.dialect.shortcodes:
            text = SHORTCODE.sub(lambda match: " " * len(match[0]), text)
        for segment in self._html.read(text, 0, len(text)):
            self._segment(segment, span[0])

    def _segment(self, segment: Segment, offset: int) -> None:
        if segment.level:
            self._headings.html(segment.plain, segment.level, segment.anchor)
        elif segment.plain:
            span = offset + segment.start, offset + segment.end
            self._builder.add(segment.kind, *span, segment.plain, segment.language)
            self._headings.pending = ""
        else:
            self._headings.pending = segment.anchor

    def _marker(self, token: Token) -> None:
        if self._items and self._items[-1].blocks > 0:
            self._items[-1].blocks = 0  # what follows is not the item's own paragraph
        offset = self._source.offset
        if token.meta["tags"]:
            for tag in TAG.finditer(self._source.text, *token.meta["tags"]):
                self._hidden.tag(tag)
                if tag["name"] == "a" and not tag["close"]:
                    found = attributes(tag["attributes"])
                    self._headings.pending = found.get("id") or found.get("name", "")
        for start, end in token.meta["titles"]:
            title = plain_title(self._source.text[start:end])
            self._add(BlockKind.PARAGRAPH, (offset + start, offset + end), title)
        self._headings.pending = token.meta["anchor"] or self._headings.pending

    def _rst(self, token: Token) -> None:
        from groundwork.ingestion.parse.rst import read_rst

        if not self._hidden:
            span = self._source.lines(*(token.map or (0, 0)))
            read_rst(self._builder, self._source.document, span, Slugger("sphinx"), sections=False)
