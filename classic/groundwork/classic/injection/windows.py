"""Cutting a text in what is judged at once: one bad sentence must not drown in a long page."""

from __future__ import annotations

import re

from groundwork.core.sentences import sentence_spans

# A planted order often stands without a stop before it, on a line of its own.
_LINES = re.compile(r"\n+")
_MAX_CHARS = 600
_MIN_CHARS = 12
_WORD = re.compile(r"\w+")
_CONTENT = re.compile(r"[^\W\d_]{3,}")
_STOP = frozenset(
    "the and for with that this you your are was not can how what who why when which from into have has will "
    "its our their they them then than also all any may must should would could use using used one two new "
    "der die das und ist les des est que los las una per con".split()
)  # fmt: skip


def sentences(text: str) -> list[str]:
    """The sentences of every line, long ones cut; those with nothing to say are left out."""
    found: list[str] = []
    for line in _LINES.split(text):
        for start, end in sentence_spans(line):
            sentence = line[start:end]
            pieces = [sentence[at : at + _MAX_CHARS] for at in range(0, len(sentence), _MAX_CHARS)]
            found.extend(piece for piece in pieces if len(piece.strip()) >= _MIN_CHARS)
    return found


def novelties(parts: list[str], context: str = "") -> list[float]:
    """For each part, the share of its content words that occur nowhere else in the parts or the context."""
    words = [{word.lower()[:6] for word in _CONTENT.findall(part)} - _STOP for part in parts]
    counts: dict[str, int] = {}
    for one in (*words, {word.lower()[:6] for word in _CONTENT.findall(context)}):
        for word in one:
            counts[word] = counts.get(word, 0) + 1
    return [sum(counts[word] == 1 for word in one) / len(one) if one else 0.0 for one in words]


def word_count(text: str) -> int:
    """Runs of letters and digits."""
    return len(_WORD.findall(text))
