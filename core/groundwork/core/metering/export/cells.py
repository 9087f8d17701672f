"""CSV by RFC 4180, whose text no spreadsheet runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

# What makes a spreadsheet read a cell as a formula, also in full width; a tab or line break may hide one
# (OWASP, "CSV Injection").
_STARTERS = frozenset("=+-@\t\r\n＝＋－＠")
_AT_ONCE = 1000


class Exact(str):
    """The text of a number or an instant that we made: goes in as it is."""

    __slots__ = ()


Cell = Exact | str | int | None


def safe(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it."""
    first = text.lstrip(" \u00a0\u3000")[:1]
    return f"'{text}" if first in _STARTERS and first else text


def encode(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Rows as UTF-8 with CRLF, in chunks. Text is quoted, so that no separator splits it; None is empty."""
    lines: list[str] = []
    for row in rows:
        lines.append(",".join(map(_cell, row)))
        if len(lines) == _AT_ONCE:
            yield _joined(lines)
            lines.clear()
    if lines:
        yield _joined(lines)


def _cell(value: Cell) -> str:
    if type(value) is str:
        return _quoted(value)
    return "" if value is None else str(value)


# Names, models and descriptions come again in every row.
@lru_cache(maxsize=8192)
def _quoted(text: str) -> str:
    return '"' + safe(text).replace('"', '""') + '"'


def _joined(lines: list[str]) -> bytes:
    # Half of a surrogate pair cannot be encoded; it must not stop an export.
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")
