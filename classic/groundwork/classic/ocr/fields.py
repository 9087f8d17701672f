"""What the lines of a document mean: labels with their values, licences' numbers, and the machine-readable zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from groundwork.classic.ocr import mrz
from groundwork.classic.ocr.dates import iso
from groundwork.classic.ocr.labelled import Label, Placed, find_labels
from groundwork.classic.ocr.labels import DATES, LICENCE, NAMES
from groundwork.classic.ocr.reading import Field, Quad, Zone

__all__ = ["NAMES", "Placed", "understood"]

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
_IN_ORDER = ("birth_date", "issue_date", "expiry_date")
# What the reading's confidence counts where a field is concluded and not labelled.
_GUESSED = 0.8

# A label, and the field that it means here.
_Named = tuple[Label, str]


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
    labels = find_labels(lines)
    taken = {id(mark.placed) for mark in labels.marks}
    values = [one for one in lines if id(one) not in taken]
    fields: dict[str, Field] = {}
    for mark in labels.marks:
        if mark.rest:
            name = labels.meant(mark)
            fields.setdefault(name, _field(name, mark.rest, mark.placed, mark.placed.line.text))
    apart = [(mark, labels.meant(mark)) for mark in labels.marks if not mark.rest]
    for (mark, name), value in _paired(apart, values):
        taken.add(id(value))
        if name not in fields:
            fields[name] = _field(name, value.line.text, value, mark.placed.line.text)
    return _with_third_date(fields, [one for one in lines if id(one) not in taken])


def _with_third_date(fields: dict[str, Field], left: Sequence[Placed]) -> dict[str, Field]:
    """A document of three dates of which one has no label that could be read: it is born, issued, expired in this order."""
    dates = [(found, one) for one in left if (found := iso(one.line.text)) is not None]
    have = {name: fields[name].value for name in _IN_ORDER if name in fields}
    missing = [name for name in _IN_ORDER if name not in fields]
    if len(dates) != 1 or len(missing) != 1:
        return fields
    (day, place), (name,) = dates[0], missing
    filled = [{**have, name: day}[one] for one in _IN_ORDER]
    if filled != sorted(set(filled)):
        return fields
    guessed = _field(name, place.line.text, place, "")
    return {**fields, name: replace(guessed, confidence=_GUESSED * guessed.confidence)}


def _paired(marks: Sequence[_Named], values: Sequence[Placed]) -> list[tuple[_Named, Placed]]:
    """Labels with their values, by the one way (below, beside, above) in which this document places them."""
    best: tuple[float, list[tuple[_Named, Placed]]] = (0.0, [])
    for way in ("below", "beside", "above"):
        found: dict[int, tuple[float, _Named, Placed]] = {}
        for mark in marks:
            likely = [one for one in values if _plausible(mark[1], one.line.text)]
            near = _nearest(mark[0].placed, likely, way)
            if near is None:
                continue
            score, value = near
            if id(value) not in found or score > found[id(value)][0]:
                found[id(value)] = (score, mark, value)
        total = sum(score for score, _, _ in found.values())
        if total > best[0]:
            best = (total, [(mark, value) for _, mark, value in found.values()])
    return best[1]


def _plausible(name: str, text: str) -> bool:
    """Whether a text can be a field's value at all, however badly it was read."""
    digits = sum(one.isdigit() for one in text)
    if name in DATES:
        return digits >= 4
    if name in ("document_number", "personal_number"):
        # Some issuers' numbers are letters, or nearly.
        return digits >= 2 or (len(text) >= 6 and text.isalnum() and text.isupper())
    if name in ("height", "card_number"):
        return digits >= 2
    if name in ("surname", "given_names", "name", "nationality"):
        return digits * 2 < len(text)
    return True


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
            # Marks within a number may be printed; a space is what reading puts where letters stand far apart.
            same = _packed(printed.value) == _packed(value) and " " not in printed.value
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
