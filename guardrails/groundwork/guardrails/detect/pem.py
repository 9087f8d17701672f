"""Private keys in PEM form: the one thing to find that has no length one could wait for."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A BEGIN line has at most this many code points before its last unbroken run.
SPACED = 64
# What could still become a BEGIN line and the beginning of a key, up to the end of the text.
OPENING = re.compile(r"-----BEGIN [A-Z0-9 ]*-{0,5}\s*\Z")
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_RUN = re.compile(r"\S+")
# Line ends may be written as in JSON.
_BODY = re.compile(r"(?:\\[nr]|[A-Za-z0-9+/=])*")
_HEADER = re.compile(r"(?:\\[nr])?(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):\S*\Z")
_LINE = 16


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key from its BEGIN line on. `open` says that it may go on in text that is not there yet."""

    start: int
    end: int
    open: bool


def private_keys(text: str, *, final: bool) -> list[PrivateKey]:
    """The keys in `text`; `final` says that no more text follows.

    A key goes on while its lines are base64 of at least 16 letters; a shorter one is part of it if the END line
    follows. A key that is cut off counts too. A BEGIN line alone is no key, only a mention of one.
    """
    found = []
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        end, is_open = _follow(text, begin.end(), final=final)
        if end > begin.end() or is_open:
            found.append(PrivateKey(begin.start(), end, is_open))
        position = max(end, begin.end())
    return found


def _follow(text: str, begin: int, *, final: bool) -> tuple[int, bool]:
    """Where the key behind the BEGIN line ends (`begin` if there is none), and whether that may change."""
    end = begin
    # Runs that belong to the key only if more of it follows: a header and its value, a short last line.
    allowed = 0
    for run in _RUN.finditer(text, begin):
        if run.end() == len(text) and not final:
            return end, True
        body = _BODY.match(run[0])
        length = body.end() if body is not None else 0
        if run[0].startswith("-----END", length):
            close = _END.match(text, run.start() + length)
            if close is not None:
                return close.end(), False
            is_open = not final and len(text) - run.start() - length < SPACED
            return end, is_open
        if length >= _LINE:
            end, allowed = run.start() + length, 1
            if length < len(run[0]):
                return end, False
        elif _HEADER.match(run[0]):
            allowed = 3
        elif allowed == 0 and not (end == begin and length == len(run[0]) <= 2):
            return end, False
        else:
            allowed -= 1
    return end, not final
