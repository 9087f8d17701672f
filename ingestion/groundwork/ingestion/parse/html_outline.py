"""Sections and blocks of a page as the walk meets them, and the text that they are spans of."""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.core.documents import Block, BlockKind, Section
from groundwork.ingestion.parse.visible import Assembly


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str
    anchor: str


@dataclass(slots=True)
class Scope:
    """An element that headings belong to: a section, or a list of terms.

    Headings inside never close those above `floor`. `outside` is how many were open when it began, and
    `own` where its own heading stands, None until it has one.
    """

    floor: int
    outside: int
    own: int | None = None
    blocks: int = 0


class Outline:
    """Builds the sections' paths and anchors by level and by nesting.

    A heading that reads like the page's title stands for the page: its path is the title alone, and
    everything else is below it, whatever its level.
    """

    def __init__(self, title: str) -> None:
        self.sections: list[Section] = []
        self.blocks: list[Block] = []
        self._title = _Heading(0, title, "")
        self._titled = False
        self._open: list[_Heading] = []
        self._scopes = [Scope(0, 0)]
        self._assembly = Assembly()
        self._current = -1

    @property
    def text(self) -> str:
        """Headings and blocks so far, with an empty line between them."""
        return self._assembly.text

    def heading(self, level: int, text: str, anchor: str, signature: str = "") -> None:
        """A heading of level 1 to 6; without an anchor it takes that of the section around it.

        Where the heading is printed as a signature, `text` is its short name.
        """
        scope = self._scopes[-1]
        if not self._titled and (level == 1 or not self._open) and text == self._title.text:
            self._titled = True
            self._title = _Heading(level, text, anchor)
            self._open.clear()
        else:
            while len(self._open) > scope.floor and self._open[-1].level >= level:
                self._open.pop()
            self._open.append(_Heading(level, text, anchor or self._above().anchor))
        self._begin_section()
        if signature:
            self.add(BlockKind.SIGNATURE, signature, anchor=anchor or None)
        else:
            self._assembly.append(text)
        if scope.own is None:
            scope.own, scope.blocks = len(self._open), len(self.blocks)

    def unnamed(self, anchor: str) -> None:
        """A section that can be linked to and has no heading: it goes by the names above it."""
        scope = self._scopes[-1]
        self._open.append(_Heading(self._above().level + 1, "", anchor))
        scope.own, scope.blocks = len(self._open), len(self.blocks)
        self._current = -1

    def term(self, text: str, anchor: str) -> None:
        """A term of the innermost scope, one level below what is around the list."""
        scope = self._scopes[-1]
        del self._open[scope.outside :]
        self._open.append(_Heading(self._above().level + 1, text, anchor))
        scope.floor = len(self._open)
        self._begin_section()

    def end_term(self) -> None:
        """What follows belongs to what is around the list."""
        scope = self._scopes[-1]
        del self._open[scope.outside :]
        scope.floor = len(self._open)
        self._current = -1

    def open_scope(self) -> None:
        """Enter an element that headings belong to."""
        around = self._scopes[-1]
        floor = max(around.floor, min(around.own or 0, len(self._open)))
        self._scopes.append(Scope(floor, len(self._open)))

    def close_scope(self) -> None:
        """Leave it; its heading ends with it, unless it held nothing but that heading."""
        scope = self._scopes.pop()
        if scope.own is not None and len(self.blocks) > scope.blocks:
            below = min(scope.outside, max(scope.own - 1, 0))
            if len(self._open) > below:
                del self._open[below:]
                self._current = -1

    def add(
        self,
        kind: BlockKind,
        text: str,
        plain: str | None = None,
        language: str = "",
        anchor: str | None = None,
    ) -> None:
        """The next block, in the section at hand."""
        if self._current < 0:
            self._begin_section()
        start, end = self._assembly.append(text)
        plain = None if plain == text else plain
        self.blocks.append(Block(kind, start, end, self._current, plain, language, anchor))

    def _above(self) -> _Heading:
        return self._open[-1] if self._open else self._title

    def _begin_section(self) -> None:
        heading = self._above()
        path = (self._title.text, *(each.text for each in self._open if each.text))
        self._current = len(self.sections)
        named = bool(heading.text)
        self.sections.append(Section(heading.anchor, path, min(heading.level, 6), named))
