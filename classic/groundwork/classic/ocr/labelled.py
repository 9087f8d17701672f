"""Which lines of a document are labels, of which field and in which language."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from groundwork.classic.ocr.dates import iso
from groundwork.classic.ocr.labels import LANGUAGES, NAMES, labels
from groundwork.classic.ocr.reading import Box, Line

# How alike a line and a label are, of 100, to be one.
_ALIKE = 82
# The same where the language is known and the field is missing, and how many labels make it known.
_LESS_ALIKE = 68
_ENOUGH = 2
# Where this many labels make it known, a label of two or three letters may have one slip after its second.
_MANY = 4
# A date at the end of a line whose label was not cut off it.
_DATE_AT_END = re.compile(
    r"^(.*?[^\W\d])[ :.]*(\d{1,4}[ .,\-/]\d{1,2}[ .,\-/]\d{2,4}|\d{1,2}[ .]?[A-Za-z]{3}[ .]?\d{4})$"
)

Pairs = tuple[tuple[str, str], ...]
# (field, language) that a text may be a label of.
_Known = Callable[[str], Pairs]


@dataclass(frozen=True, slots=True)
class Placed:
    """A line, and where it lies on the straight card, in its pixels."""

    line: Line
    box: Box

    @property
    def tall(self) -> float:
        """Its height."""
        return self.box.bottom - self.box.top


@dataclass(frozen=True, slots=True)
class Label:
    """A line that names fields. `rest` is what follows the label in the same line; `names` by language."""

    placed: Placed
    names: Pairs
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of a document, and how many of them speak each language."""

    marks: tuple[Label, ...]
    spoken: Counter[str]

    def meant(self, mark: Label) -> str:
        """Of the fields that a label may name, the one in the language that the document speaks most."""
        return _meant(mark, self.spoken)


def find_labels(lines: Sequence[Placed]) -> Labels:
    """Those that are sure, and then those that the language of the sure ones makes likely."""
    sure = [mark for one in lines if (mark := _label(one, _known)) is not None]
    spoken = _languages(sure)
    return Labels((*sure, *_guessed(lines, sure, spoken)), spoken)


def _guessed(
    lines: Sequence[Placed], marks: Sequence[Label], spoken: Counter[str]
) -> Sequence[Label]:
    """Lines that are like a label, though less, of the language that the surer labels speak and of a field that none is of."""
    known = {id(mark.placed) for mark in marks}
    missing = set(NAMES) - {_meant(mark, spoken) for mark in marks}
    told = [language for language, _ in spoken.most_common(2)]
    if not told or len(marks) < _ENOUGH:
        return []
    short = len(marks) >= _MANY
    table = {
        text: kept
        for text, pairs in _table().items()
        if (kept := tuple(pair for pair in pairs if pair[1] in told and pair[0] in missing))
    }

    def alike(text: str) -> Pairs:
        from rapidfuzz import fuzz, process

        plain = _plain(text)
        if any(one.isdigit() for one in plain):
            return ()
        if len(plain) < 4:
            return _with_a_slip(plain, table) if short else ()
        found = process.extractOne(plain, table.keys(), scorer=fuzz.ratio, score_cutoff=_LESS_ALIKE)
        return table[found[0]] if found else ()

    guesses = [_label(one, alike) for one in lines if id(one) not in known]
    return [one for one in guesses if one is not None and not one.rest]


def _with_a_slip(plain: str, table: Mapping[str, Pairs]) -> Pairs:
    from rapidfuzz.distance import Levenshtein

    for text, pairs in table.items():
        alike = len(text) < 4 and text[:2] == plain[:2]
        if alike and Levenshtein.distance(plain, text) <= 1:
            return pairs
    return ()


def _label(placed: Placed, known: _Known) -> Label | None:
    """What a line names, with what follows a colon in it."""
    text = placed.line.text
    head, colon, rest = text.partition(":")
    if colon and rest.strip():
        named = _named(head, known)
        if named:
            return Label(placed, named, rest.strip())
    stuck = _DATE_AT_END.match(text)
    if stuck and iso(stuck[2]):
        named = _named(stuck[1], known)
        if named:
            return Label(placed, named, stuck[2])
    named = _named(text.rstrip(" :"), known)
    return Label(placed, named) if named else None


def _named(text: str, known: _Known) -> Pairs:
    """(field, language) that the text, or its parts between slashes, may be a label of; those of all parts, if any."""
    whole = known(text)
    if whole:
        return whole
    parts = [part for part in re.split(r"\s*/\s*", text) if part]
    if len(parts) < 2:
        return ()
    found = [known(part) for part in parts]
    if not any(found):
        return ()
    names = [{name for name, _ in one} for one in found if one]
    shared = set.intersection(*names) or set.union(*names)
    return tuple(sorted({pair for one in found for pair in one if pair[0] in shared}))


def _known(text: str) -> Pairs:
    from rapidfuzz import fuzz, process

    plain = _plain(text)
    if len(plain) < 2:
        return ()
    table = _table()
    if plain in table:
        return table[plain]
    # Short labels allow no slip: Björn is nearly "Born", and Andrés nearly an address.
    if len(plain) < 8:
        return ()
    found = process.extractOne(plain, table.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE)
    return table[found[0]] if found else ()


@cache
def _table() -> Mapping[str, Pairs]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name in NAMES:
        for language in LANGUAGES:
            for label in labels(name, language):
                found.setdefault(_plain(label), []).append((name, language))
    return {text: tuple(pairs) for text, pairs in found.items()}


def _plain(text: str) -> str:
    parts = unicodedata.normalize(
        "NFD", text.casefold().replace("ı", "i").replace("ł", "l").replace("ø", "o")
    )
    kept = "".join(
        one if one.isalnum() or one == " " else " "
        for one in parts
        if not unicodedata.combining(one)
    )
    return " ".join(kept.split())


def _languages(marks: Sequence[Label]) -> Counter[str]:
    """How many labels speak each language; those that could be of several count less."""
    spoken: Counter[str] = Counter()
    for mark in marks:
        languages = {language for _, language in mark.names}
        for language in languages:
            spoken[language] += 12 // len(languages)
    return spoken


def _meant(mark: Label, spoken: Mapping[str, int]) -> str:
    return max(mark.names, key=lambda pair: (spoken[pair[1]], -NAMES.index(pair[0])))[0]
