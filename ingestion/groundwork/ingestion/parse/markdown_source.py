"""Where a block of Markdown stands in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ITEM_MARK = re.compile(r"(?:[-+*]|\d{1,9}[.)])[ \t]+$")
_MARGIN = re.compile(r"[ \t>]*")
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)

Span = tuple[int, int]


class Source:
    """The source of one page or notebook cell, by lines: `document[span]`. Spans are into `document`."""

    def __init__(self, document: str, span: Span) -> None:
        text = document[slice(*span)]
        self.document = document
        self.text = text
        self.offset = span[0]
        self._starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._starts.append(position + 1)
            position = text.find("\n", position + 1)
        # markdown-it counts a line break at the very end as the end of the last line.
        self._starts.append(len(text) + 1)

    def line(self, number: int) -> str:
        """A line without its line break."""
        number = min(number, len(self._starts) - 2)
        return self.text[self._starts[number] : self._starts[number + 1] - 1]

    def lines(self, first: int, after: int) -> Span:
        """From the start of line `first` to the end of the line before `after`, its break left out."""
        last = max(first, min(after, len(self._starts) - 1) - 1)
        start = self._starts[min(first, len(self._starts) - 1)]
        return self.offset + start, self.offset + max(start, self._starts[last + 1] - 1)

    def inline(self, lines: Sequence[int], content: str) -> Span:
        """The span of inline `content` that was found on `lines`, without the margins of lists and quotes."""
        column = self.line(lines[0]).find(content.partition("\n")[0])
        if column < 0:
            # Tabs were expanded, so the content does not occur literally.
            return self.block(lines)
        return self._from(lines, column)

    def block(self, lines: Sequence[int]) -> Span:
        """The span of whole lines, without the margin in front of the first."""
        margin = _MARGIN.match(self.line(lines[0]))
        return self._from(lines, margin.end() if margin else 0)

    def _from(self, lines: Sequence[int], column: int) -> Span:
        start, end = self.lines(lines[0], max(lines[1], lines[0] + 1))
        start += column
        return start, start + len(self.document[start:end].rstrip())

    def with_mark(self, number: int, start: int) -> int:
        """`start` moved back over the list marker in front of it on line `number`."""
        begin = self.lines(number, number + 1)[0]
        match = _ITEM_MARK.search(self.document[begin:start])
        return begin + match.start() if match else start

    def slice(self, span: Span) -> str:
        """The text of a span."""
        return self.document[slice(*span)]


def without_quote_marks(text: str) -> str:
    """The text with the marks of block quotes blanked, every character at its place."""
    return _QUOTE.sub(lambda match: " " * len(match[0]), text)
