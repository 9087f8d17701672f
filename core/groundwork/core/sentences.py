"""Sentences of technical prose, as spans.

Documentation is full of dots that end nothing: `os.path`, `e.g.`, `v1.2.`, `...`. A sentence ends at a stop that is followed by white
space and by something that can begin a sentence, unless the word before it is a known abbreviation or a
single letter.
"""

from __future__ import annotations

import re

# The stop, then whatever closes around it (quotes, brackets, emphasis, a link's target), then white space.
_END = re.compile(r"""[.!?][)\]"'”’`*_]*(?:\([^()\s]*\))?[)\]"'”’`*_]*(?=\s)""")
_CAN_START = re.compile(r"""\s+[(\["'“‘`*_<]*[A-Z0-9À-Þ`$\\/<\[_-]""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|viz|approx|resp|incl|fig|figs|eq|sec|no|nos|vol|pp?|ed|eds|al|dr|mr|mrs|ms|prof"
    r"|inc|ltd|co|corp|jr|sr|st|dept|est|ca|min|max)|\b[A-Za-z])$",
    re.IGNORECASE,
)
# After these a capital or digit does begin a new sentence more often than not.
_OFTEN_LAST = frozenset({"etc", "min", "max", "no", "al", "co", "inc", "ltd", "corp"})


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of `text`, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = _skip_space(text, 0)
    for match in _END.finditer(text):
        if match.end() <= start or not _ends_here(text, start, match):
            continue
        spans.append((start, match.end()))
        start = _skip_space(text, match.end())
    end = len(text.rstrip())
    if start < end:
        spans.append((start, end))
    return spans


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _ends_here(text: str, start: int, match: re.Match[str]) -> bool:
    if _CAN_START.match(text, match.end()) is None:
        return False
    if text[match.start()] != ".":
        return True
    # An enumeration mark ("1. First do …") is part of its sentence.
    before = text[start : match.start()]
    if before.isdigit():
        return False
    found = _ABBREVIATION.search(before[-12:])
    return found is None or found.group().lower() in _OFTEN_LAST
