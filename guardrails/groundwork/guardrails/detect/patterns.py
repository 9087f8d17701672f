"""Finding stretches of text so that the result does not depend on how much of the text is already there.

A stream is checked while it grows. For that to give the same findings as the whole text would, whether a stretch is
found may depend only on text near it. Three rules keep it so, and `stream` relies on them:

- Every position is tried as a start. A search that goes on behind its last match would make each match depend on all
  those before it.
- What decides lies in the stretch, at most LOOK_BACK code points before it, or in the unbroken run in which it ends.
- A stretch has at most `spaced` code points before the last unbroken run that it could still grow into.

An unbroken run is text without a gap: white space, or the punctuation that ends clauses in East Asian text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

LOOK_BACK = 64
_CLAUSE_ENDS = "\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u300c\u300d\uff08\uff09"
# For a character class.
GAP = r"\s" + _CLAUSE_ENDS


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one kind of thing looks like.

    The group `value` is the stretch, or the whole match where there is no such group. `extent` narrows or refuses a
    match: it returns the stretch's (start, end), or None. `needs` is a string without
    which the expression cannot match, "" for none; it saves most searches.
    """

    kind: str
    expression: re.Pattern[str]
    extent: Callable[[re.Match[str]], tuple[int, int] | None] | None = None
    spaced: int = 0
    needs: str = ""

    def stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """Every stretch of this kind, as half-open spans; they may overlap."""
        if self.needs and self.needs not in text:
            return
        group = "value" if "value" in self.expression.groupindex else 0
        match = self.expression.search(text)
        while match is not None:
            span = self.extent(match) if self.extent is not None else match.span(group)
            if span is not None:
                yield span
            match = self.expression.search(text, match.start() + 1)


def scan(patterns: Iterable[Pattern], text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of everything that any of the patterns finds."""
    for pattern in patterns:
        for start, end in pattern.stretches(text):
            yield pattern.kind, start, end


def last_run(text: str, end: int | None = None) -> int:
    """Where the unbroken run begins in which `text[:end]` ends; `end` itself where it ends in a gap."""
    place = len(text) if end is None else end
    while place > 0 and not (text[place - 1].isspace() or text[place - 1] in _CLAUSE_ENDS):
        place -= 1
    return place
