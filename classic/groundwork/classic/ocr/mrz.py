"""Machine-readable zones (ICAO Doc 9303, parts 4 to 6): TD1 (three rows of 30), TD2 (two of 36), TD3 (two of 44).

Parsing repairs what reading typically confuses, by what a position may hold: a letter, a digit or a filler.
"""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTHS = {"TD1": (30, 3), "TD2": (36, 2), "TD3": (44, 2)}
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_DIGIT = str.maketrans("OQDIJLZSBGTU", "000111258670")
_TO_LETTER = str.maketrans("0158264", "OISBZGA")
# Doc 9303-3, section 6, for letters that do not decompose.
_SPELT = {
    "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "Æ": "AE", "Ø": "OE", "Å": "AA", "Đ": "D", "Ð": "D", "Þ": "TH",
    "Ł": "L", "Œ": "OE", "ı": "I", "İ": "I", "Ñ": "N", "Ħ": "H",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A value of a zone: which row and columns (end exclusive), what they hold, and where its check digit stands."""

    name: str
    row: int
    start: int
    end: int
    holds: str = "any"
    check: tuple[int, int] | None = None


_SPANS: dict[str, tuple[Span, ...]] = {
    "TD1": (
        Span("document_type", 0, 0, 2, "letters"),
        Span("issuer", 0, 2, 5, "letters"),
        Span("document_number", 0, 5, 14, "any", (0, 14)),
        Span("birth_date", 1, 0, 6, "digits", (1, 6)),
        Span("sex", 1, 7, 8, "letters"),
        Span("expiry_date", 1, 8, 14, "digits", (1, 14)),
        Span("nationality", 1, 15, 18, "letters"),
        Span("name", 2, 0, 30, "letters"),
    ),
    "TD2": (
        Span("document_type", 0, 0, 2, "letters"),
        Span("issuer", 0, 2, 5, "letters"),
        Span("name", 0, 5, 36, "letters"),
        Span("document_number", 1, 0, 9, "any", (1, 9)),
        Span("nationality", 1, 10, 13, "letters"),
        Span("birth_date", 1, 13, 19, "digits", (1, 19)),
        Span("sex", 1, 20, 21, "letters"),
        Span("expiry_date", 1, 21, 27, "digits", (1, 27)),
    ),
    "TD3": (
        Span("document_type", 0, 0, 2, "letters"),
        Span("issuer", 0, 2, 5, "letters"),
        Span("name", 0, 5, 44, "letters"),
        Span("document_number", 1, 0, 9, "any", (1, 9)),
        Span("nationality", 1, 10, 13, "letters"),
        Span("birth_date", 1, 13, 19, "digits", (1, 19)),
        Span("sex", 1, 20, 21, "letters"),
        Span("expiry_date", 1, 21, 27, "digits", (1, 27)),
        Span("personal_number", 1, 28, 42, "any", (1, 42)),
    ),
}
# (row, start, end) of what the composite digit covers, and where it stands.
_COMPOSITE: dict[str, tuple[tuple[tuple[int, int, int], ...], tuple[int, int]]] = {
    "TD1": (((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)), (1, 29)),
    "TD2": (((1, 0, 10), (1, 13, 20), (1, 21, 35)), (1, 35)),
    "TD3": (((1, 0, 10), (1, 13, 20), (1, 21, 43)), (1, 43)),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A zone taken apart. `values` as they stand without fillers, dates as ISO 8601; `checks` by name."""

    format: str
    rows: tuple[str, ...]
    values: Mapping[str, str]
    checks: Mapping[str, bool]

    @property
    def valid(self) -> bool:
        """Every check digit holds."""
        return all(self.checks.values())


def check_digit(text: str) -> str:
    """Weights 7, 3, 1 over digits, letters as 10 to 35, fillers as 0; modulo 10."""
    total = sum(
        (0 if one == "<" else _ALPHABET.index(one)) * (7, 3, 1)[n % 3] for n, one in enumerate(text)
    )
    return str(total % 10)


def spelt(text: str) -> str:
    """A name as a zone spells it: A to Z, `<` between words."""
    upper = unicodedata.normalize("NFC", text).upper()
    expanded = "".join(_SPELT.get(one, one) for one in upper)
    plain = unicodedata.normalize("NFD", expanded)
    kept = "".join(one if one in _ALPHABET[10:] else "<" if one in " -" else "" for one in plain)
    return "<".join(part for part in kept.split("<") if part)


def write(kind: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """The rows for `document_type`, `issuer`, `document_number`, `birth_date` and `expiry_date` (YYMMDD), `sex`,
    `nationality`, `surname`, `given_names` and, where there is one, `personal_number`.
    """
    width, count = WIDTHS[kind]
    rows = [["<"] * width for _ in range(count)]
    name = f"{spelt(values['surname'])}<<{spelt(values['given_names'])}"
    for span in _SPANS[kind]:
        text = name if span.name == "name" else values.get(span.name, "")
        size = span.end - span.start
        rows[span.row][span.start : span.end] = text.upper()[:size].ljust(size, "<")
        if span.check:
            held = "".join(rows[span.row][span.start : span.end])
            rows[span.check[0]][span.check[1]] = check_digit(held)
    covered, (row, at) = _COMPOSITE[kind]
    rows[row][at] = check_digit("".join("".join(rows[r][a:b]) for r, a, b in covered))
    return tuple("".join(one) for one in rows)


def looks_like_row(text: str) -> bool:
    """Whether a line of print may be a row of a zone."""
    packed = "".join(text.split())
    fillers = packed.count("<") + packed.count("«") * 2
    plain = sum(one in _ALPHABET or one == "<" for one in packed)
    return len(packed) >= 24 and plain >= 0.85 * len(packed) and (
        fillers >= 2 or (len(packed) >= 28 and sum(one.isdigit() for one in packed) >= 10)
    )  # fmt: skip


def parse(rows: Sequence[str]) -> Parsed | None:
    """The zone in rows as they were read, from the top, or None where they are none."""
    cleaned = [_cleaned(one) for one in rows]
    for kind, (width, count) in WIDTHS.items():
        if len(cleaned) < count:
            continue
        chosen = cleaned[-count:]
        if all(abs(len(one) - width) <= 2 for one in chosen):
            fitted = [_fitted(one, width) for one in chosen]
            return _taken_apart(kind, fitted)
    return None


def _cleaned(row: str) -> str:
    text = "".join(row.upper().split()).replace("«", "<<")
    return "".join(one if one in _ALPHABET else "<" for one in text)


def _fitted(row: str, width: int) -> str:
    """Too many or too few fillers are put right in the longest run of them; that is where they are miscounted."""
    while len(row) != width:
        runs = sorted(
            ((end - start, start) for start, end in _runs(row)),
            reverse=True,
        )
        at = runs[0][1] if runs else len(row)
        row = row[:at] + row[at + 1 :] if len(row) > width else row[:at] + "<" + row[at:]
    return row


def _runs(row: str) -> list[tuple[int, int]]:
    found, start = [], None
    for n, one in enumerate(row + "."):
        if one == "<" and start is None:
            start = n
        elif one != "<" and start is not None:
            found.append((start, n))
            start = None
    return found


def _taken_apart(kind: str, rows: list[str]) -> Parsed:
    values: dict[str, str] = {}
    checks: dict[str, bool] = {}
    for span in _SPANS[kind]:
        rows[span.row] = _repaired(rows[span.row], span)
        text = rows[span.row][span.start : span.end]
        if span.check:
            row, at = span.check
            digit = rows[row][at].translate(_TO_DIGIT)
            empty = not text.strip("<") and digit in "<0"
            if not empty:
                text, holds = _checked(text, digit)
                rows[span.row] = _put(rows[span.row], span.start, text)
                rows[row] = _put(rows[row], at, digit)
                checks[span.name] = holds
        _keep(values, span, text)
    covered, (row, at) = _COMPOSITE[kind]
    digit = rows[row][at].translate(_TO_DIGIT)
    rows[row] = _put(rows[row], at, digit)
    checks["composite"] = check_digit("".join(rows[r][a:b] for r, a, b in covered)) == digit
    return Parsed(kind, tuple(rows), values, checks)


def _repaired(row: str, span: Span) -> str:
    text = row[span.start : span.end]
    if span.holds == "digits":
        text = text.translate(_TO_DIGIT)
    elif span.holds == "letters":
        text = text.translate(_TO_LETTER)
    return _put(row, span.start, text)


def _put(row: str, at: int, text: str) -> str:
    return row[:at] + text + row[at + len(text) :]


def _checked(text: str, digit: str) -> tuple[str, bool]:
    """The text with whether its digit holds. An O is exchanged with a 0, once, where that alone makes it hold.

    No more is tried: among many exchanges one would hold by chance, and a wrong number would pass for checked.
    """
    if check_digit(text) == digit:
        return text, True
    found = {
        text[:n] + ("0" if one == "O" else "O") + text[n + 1 :]
        for n, one in enumerate(text)
        if one in "O0"
    }
    holding = [one for one in found if check_digit(one) == digit]
    return (holding[0], True) if len(holding) == 1 else (text, False)


def _keep(values: dict[str, str], span: Span, text: str) -> None:
    if span.name == "name":
        surname, _, given = text.partition("<<")
        values["surname"] = surname.replace("<", " ").strip()
        values["given_names"] = " ".join(given.replace("<", " ").split())
        return
    plain = text.strip("<").replace("<", " ")
    if span.name.endswith("_date"):
        plain = iso_date(plain, future=span.name == "expiry_date") or plain
    if plain:
        values[span.name] = plain


def iso_date(text: str, *, future: bool) -> str | None:
    """YYMMDD as ISO 8601, None where it is no date. A birth lies in the past, an expiry at most 30 years ahead."""
    if len(text) != 6 or not text.isdigit():
        return None
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    now = datetime.datetime.now(tz=datetime.UTC).year
    century = now - now % 100
    full = century + year
    if full > (now + 30 if future else now):
        full -= 100
    try:
        return datetime.date(full, month, day).isoformat()
    except ValueError:
        return None
