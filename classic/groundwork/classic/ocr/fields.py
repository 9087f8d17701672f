"""What the lines of a document mean: labels with their values, licences' numbers, and the machine-readable zone."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from groundwork.classic.ocr import mrz
from groundwork.classic.ocr.dates import iso
from groundwork.classic.ocr.labels import DATES, LANGUAGES, LICENCE, NAMES, labels
from groundwork.classic.ocr.reading import Box, Field, Line, Quad, Zone

__all__ = ["NAMES", "Placed", "understood"]

# How alike a line and a label are, of 100, to be one.
_ALIKE = 82
# The same where the language is known and the field is missing, and how many labels make it known.
_LESS_ALIKE = 68
_ENOUGH = 2
_NUMBER = re.compile(r"^(1|2|3|4[abcd]|5|8|9)\s*[.,:]\s*(.*)$", re.IGNORECASE)
# As embossed and printed without a label.
_CARD_NUMBER = re.compile(r"\d{4}(?: ?\d{4}){2,3}(?: ?\d{1,3})?")
_FROM_ZONE = (
    "surname",
    "given_names",
    "birth_date",
    "sex",
    "nationality",
    "document_number",
    "expiry_date",
)


# (field, language) that a text may be a label of.
_Known = Callable[[str], tuple[tuple[str, str], ...]]


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
class _Label:
    """A line that names fields. `rest` is what follows the label in the same line; `names` by language."""

    placed: Placed
    names: tuple[tuple[str, str], ...]
    rest: str = ""


def understood(lines: Sequence[Placed]) -> tuple[tuple[Field, ...], Zone | None]:
    """The fields of a document, in the order of `NAMES`, and its zone."""
    zone_lines = [one for one in lines if mrz.looks_like_row(one.line.text)]
    zone = _zone(zone_lines)
    others = [one for one in lines if one not in zone_lines]
    found = _numbered(others) or _labelled(others)
    for one in others:
        if "card_number" not in found and _CARD_NUMBER.fullmatch(one.line.text):
            found["card_number"] = _field("card_number", one.line.text, one, "")
    if zone is not None:
        found = _with_zone(found, zone)
    order = {name: n for n, name in enumerate(NAMES)}
    return tuple(sorted(found.values(), key=lambda one: order[one.name])), zone


def _zone(lines: Sequence[Placed]) -> Zone | None:
    ordered = sorted(lines, key=lambda one: one.box.top)
    parsed = mrz.parse([one.line.text for one in ordered])
    if parsed is None:
        return None
    used = ordered[-len(parsed.rows) :]
    quad = Quad.around([one.line.quad for one in used])
    return Zone(parsed.format, parsed.rows, parsed.values, parsed.checks, quad)


def _numbered(lines: Sequence[Placed]) -> dict[str, Field]:
    """A licence's fields, where at least three of its numbers stand at the beginnings of lines or before them."""
    marks: list[tuple[str, Placed, str]] = []
    for one in lines:
        found = _NUMBER.match(one.line.text)
        if found:
            marks.append((found[1].lower(), one, found[2].strip()))
    if len({number for number, _, _ in marks}) < 3:
        return {}
    values = [one for one in lines if all(one is not mark for _, mark, _ in marks)]
    fields = {}
    for number, mark, rest in marks:
        name = LICENCE[number]
        if rest:
            fields[name] = _field(name, rest, mark, f"{number}.")
            continue
        right = _nearest(mark, values, "beside")
        if right is not None:
            fields[name] = _field(name, right[1].line.text, right[1], f"{number}.")
    return fields


def _labelled(lines: Sequence[Placed]) -> dict[str, Field]:
    marks = [mark for one in lines if (mark := _label(one, _known)) is not None]
    spoken = _languages(marks)
    marks += _guessed(lines, marks, spoken)
    taken = {id(mark.placed) for mark in marks}
    values = [one for one in lines if id(one) not in taken]
    fields: dict[str, Field] = {}
    apart = [mark for mark in marks if not mark.rest]
    for mark in marks:
        if mark.rest:
            name = _meant(mark, spoken)
            fields.setdefault(name, _field(name, mark.rest, mark.placed, mark.placed.line.text))
    for mark, value in _paired(apart, values):
        name = _meant(mark, spoken)
        if name not in fields:
            fields[name] = _field(name, value.line.text, value, mark.placed.line.text)
    return fields


def _guessed(
    lines: Sequence[Placed], marks: Sequence[_Label], spoken: Counter[str]
) -> list[_Label]:
    """Lines that are like a label, though less, of the language that the surer labels speak and of a field that none is of."""
    known = {id(mark.placed) for mark in marks}
    missing = set(NAMES) - {_meant(mark, spoken) for mark in marks}
    told = [language for language, _ in spoken.most_common(2)]
    if not told or len(marks) < _ENOUGH:
        return []
    choices = {
        text: tuple(pair for pair in pairs if pair[1] in told and pair[0] in missing)
        for text, pairs in _table().items()
    }
    table = {text: pairs for text, pairs in choices.items() if pairs}

    def alike(text: str) -> tuple[tuple[str, str], ...]:
        from rapidfuzz import fuzz, process

        plain = _plain(text)
        if len(plain) < 4 or any(one.isdigit() for one in plain):
            return ()
        found = process.extractOne(plain, table.keys(), scorer=fuzz.ratio, score_cutoff=_LESS_ALIKE)
        return table[found[0]] if found else ()

    guesses = [_label(one, alike) for one in lines if id(one) not in known]
    return [one for one in guesses if one is not None and not one.rest]


def _paired(marks: Sequence[_Label], values: Sequence[Placed]) -> list[tuple[_Label, Placed]]:
    """Labels with their values, by the one way (below, beside, above) in which this document places them."""
    best: tuple[float, list[tuple[_Label, Placed]]] = (0.0, [])
    for way in ("below", "beside", "above"):
        found: dict[int, tuple[float, _Label, Placed]] = {}
        for mark in marks:
            near = _nearest(mark.placed, values, way)
            if near is None:
                continue
            score, value = near
            if id(value) not in found or score > found[id(value)][0]:
                found[id(value)] = (score, mark, value)
        total = sum(score for score, _, _ in found.values())
        if total > best[0]:
            best = (total, [(mark, value) for _, mark, value in found.values()])
    return best[1]


def _nearest(mark: Placed, values: Sequence[Placed], way: str) -> tuple[float, Placed] | None:
    """The value next to a label in one way, with 1 for touching it and less for farther away; None beyond reach."""
    best: tuple[float, Placed] | None = None
    for value in values:
        away = _away(mark, value, way)
        if away is not None and (best is None or 1 / (1 + away) > best[0]):
            best = (1 / (1 + away), value)
    return best


def _away(mark: Placed, value: Placed, way: str) -> float | None:
    """How far a value lies from a label, in heights of the value; None where it does not lie that way."""
    label, box, tall = mark.box, value.box, max(value.tall, mark.tall)
    if way == "beside":
        lower = abs((box.top + box.bottom) / 2 - (label.top + label.bottom) / 2) / tall
        gap = (box.left - label.right) / tall
        return gap / 6 + lower if lower <= 0.8 and -0.5 < gap < 16 else None
    gap = box.top - label.bottom if way == "below" else label.top - box.bottom
    aside = abs(box.left - label.left) / tall
    if box.left < label.right and label.left < box.right:
        # One is over the other, even where the beginning of either was not read.
        aside = min(aside, 1.9)
    near = -0.5 * tall <= gap <= 1.6 * tall and aside <= 2.0
    return max(0.0, gap / tall) + aside if near else None


def _label(placed: Placed, known: _Known) -> _Label | None:
    """What a line names, with what follows a colon in it."""
    text = placed.line.text
    head, colon, rest = text.partition(":")
    if colon and rest.strip():
        named = _named(head, known)
        if named:
            return _Label(placed, named, rest.strip())
    named = _named(text.rstrip(" :"), known)
    return _Label(placed, named) if named else None


def _named(text: str, known: _Known) -> tuple[tuple[str, str], ...]:
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


def _known(text: str) -> tuple[tuple[str, str], ...]:
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
def _table() -> Mapping[str, tuple[tuple[str, str], ...]]:
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


def _languages(marks: Sequence[_Label]) -> Counter[str]:
    """How many labels speak each language; those that could be of several count less."""
    spoken: Counter[str] = Counter()
    for mark in marks:
        languages = {language for _, language in mark.names}
        for language in languages:
            spoken[language] += 12 // len(languages)
    return spoken


def _meant(mark: _Label, spoken: Mapping[str, int]) -> str:
    """Of the fields that a label may name, the one in the language that the document speaks most."""
    return max(mark.names, key=lambda pair: (spoken[pair[1]], -NAMES.index(pair[0])))[0]


def _field(name: str, text: str, placed: Placed, label: str) -> Field:
    value = (iso(text) or text) if name in DATES else text
    if name == "document_number" and any(one.isdigit() for one in value):
        # Hardly any issuer uses the letter, because it cannot be told from the digit.
        value = value.replace("O", "0")
    return Field(name, value, placed.line.confidence, placed.line.quad, label=label)


def _with_zone(found: dict[str, Field], zone: Zone) -> dict[str, Field]:
    """The printed fields, set right by the zone's checked values, and the zone's where nothing is printed."""
    fields = dict(found)
    for name in _FROM_ZONE:
        value = zone.values.get(name)
        if not value:
            continue
        holds = zone.checks.get(name)
        printed = fields.get(name)
        if printed is None:
            sure = 0.99 if holds else 0.8
            fields[name] = Field(name, value, sure, zone.quad, "mrz", holds)
        elif holds and name in ("document_number", *DATES):
            same = _packed(printed.value) == _packed(value)
            fields[name] = replace(
                printed,
                value=printed.value if same else value,
                confidence=max(printed.confidence, 0.99),
                source="printed" if same else "mrz",
                valid=True,
            )
    return fields


def _packed(text: str) -> str:
    return "".join(one for one in text.upper() if one.isalnum())
