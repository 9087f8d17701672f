"""The lines of a reStructuredText page: where each begins, and how far it is indented."""

from __future__ import annotations

Span = tuple[int, int]

_TAB = 8  # docutils' tab width


class Lines:
    """The lines of `text[start:end]`, numbered from 0. Spans are into `text`.

    `indent` is in columns, with tabs expanded; for a blank line it is -1. A reader may move the beginning
    of a line to the right, over a list's or directive's marker, to read what follows as a block.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._begins: list[int] = []
        self.indent: list[int] = []
        position = start
        for line in text[start:end].split("\n"):
            self._add(position, line)
            position += len(line) + 1

    def __len__(self) -> int:
        return len(self._starts)

    def _add(self, position: int, line: str) -> None:
        stripped = line.lstrip()
        margin = len(line) - len(stripped)
        self._starts.append(position)
        self._ends.append(position + len(line.rstrip()))
        self._begins.append(position + margin)
        # Other white space than blanks and tabs counts as one column each.
        self.indent.append(len(line[:margin].expandtabs(_TAB)) if stripped else -1)

    def blank(self, number: int) -> bool:
        """Whether nothing stands on the line; also true behind the last one."""
        return number >= len(self.indent) or self.indent[number] < 0

    def content(self, number: int) -> str:
        """The line from its beginning, without trailing white space."""
        return self.text[self._begins[number] : self._ends[number]]

    def raw(self, number: int) -> str:
        """The whole line."""
        return self.text[self._starts[number] : self._ends[number]]

    def begin(self, number: int) -> int:
        """The offset of the line's beginning."""
        return self._begins[number]

    def column(self, number: int) -> int:
        """How many characters of the line stand before its beginning."""
        return self._begins[number] - self._starts[number]

    def end(self, number: int) -> int:
        """The offset behind the line's last character that is no white space."""
        return self._ends[number]

    def move(self, number: int, characters: int, indent: int) -> None:
        """Let the line begin `characters` further on, counted as indented by `indent`."""
        self._begins[number] += characters
        self.indent[number] = indent if self._begins[number] < self._ends[number] else -1

    def extent(self, first: int, after: int, indent: int) -> int:
        """The line behind the block from `first` on that is indented by more than `indent`."""
        last = first - 1
        for number in range(first, after):
            if self.indent[number] < 0:
                continue
            if self.indent[number] <= indent:
                break
            last = number
        return last + 1

    def margin(self, first: int, after: int) -> int:
        """The least indentation of the lines that are not blank, -1 without any."""
        return min((each for each in self.indent[first:after] if each >= 0), default=-1)

    def skip_blank(self, first: int, after: int) -> int:
        """The first line from `first` on that is not blank, or `after`."""
        while first < after and self.indent[first] < 0:
            first += 1
        return first

    def span(self, first: int, after: int) -> Span:
        """From the beginning of line `first` to the end of the last line before `after` with text."""
        while after > first + 1 and self.indent[after - 1] < 0:
            after -= 1
        return self._begins[first], self._ends[after - 1]

    def code(self, first: int, after: int) -> tuple[Span, str]:
        """A literal block: its span from the first line's margin on, and its text without the margin."""
        first = self.skip_blank(first, after)
        while after > first and self.indent[after - 1] < 0:
            after -= 1
        if first >= after:
            return (0, 0), ""
        span = self._starts[first], self._ends[after - 1]
        margin = self.margin(first, after)
        lines = self.text[span[0] : span[1]].split("\n")
        return span, "\n".join(_dedent(line, margin) for line in lines)


def _dedent(line: str, columns: int) -> str:
    """The line without its first `columns` columns of white space; a tab cut in half leaves blanks."""
    column = position = 0
    while position < len(line) and column < columns and line[position].isspace():
        column = (column // _TAB + 1) * _TAB if line[position] == "\t" else column + 1
        position += 1
    return " " * max(0, column - columns) + line[position:]
