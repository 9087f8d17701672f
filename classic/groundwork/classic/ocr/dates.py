"""Dates as documents print them, as ISO 8601."""

from __future__ import annotations

import datetime
import re

_MONTHS = {
    one: n + 1 for n, one in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split())
}
_NUMBERS = re.compile(r"(\d{1,4})[ .,\-/]+(\d{1,2})[ .,\-/]+(\d{2,4})")
_NAMED = re.compile(r"(\d{1,2})[ .\-/]*([A-Za-z]{3})[A-Za-z]*\.?[ .\-/]*(\d{4})")
# Letters that reading puts for digits.
_DIGITS = str.maketrans("OoQDIlSBZ", "000011582")


def iso(text: str) -> str | None:
    """The first date in the text, None where there is none or it is no day. Day before month, unless only the other fits.

    Of two-digit years nothing is certain, so they are no dates here.
    """
    for candidate in (text, _repaired(text)):
        found = _NUMBERS.search(candidate)
        if found:
            first, second, third = found.groups()
            if len(first) == 4 and len(third) <= 2:
                return _day(int(first), int(second), int(third))
            if len(third) == 4 and len(first) <= 2:
                return _day(int(third), int(second), int(first)) or _day(
                    int(third), int(first), int(second)
                )
        named = _NAMED.search(candidate)
        if named and named[2].lower() in _MONTHS:
            return _day(int(named[3]), _MONTHS[named[2].lower()], int(named[1]))
    return None


def _repaired(text: str) -> str:
    """Parts that are mostly digits, with the letters among them as the digits they look like."""
    return "".join(
        part.translate(_DIGITS) if any(one.isdigit() for one in part) else part
        for part in re.split(r"([ .,\-/]+)", text)
    )


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:
        return None
