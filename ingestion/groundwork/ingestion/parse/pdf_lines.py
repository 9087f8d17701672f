"""Lines of printed pages: which of them belong to the text, and which of them to one paragraph.

A PDF places characters; nothing in it says where a paragraph ends. These rules read the lines alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# Running heads and feet stand in the first or last line, or two of a page of this many, on this share of
# the pages.
_PAGE_LINES = 8
_RUNNING_SHARE = 0.4
_RUNNING_PAGES = 3
_NUMBER_AT_EDGE = re.compile(r"^(\d{1,5})\b|\b(\d{1,5})$")
_PAGE_NUMBER = re.compile(
    r"^(?:[-–(]?\s*\d+\s*[-–)]?|[ivxlc]+)$|^page \d+(?: of \d+)?$", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+")
_DOT_LEADER = re.compile(r"(?:\. ?){4,}\s*[\divxlc]+$|…{2,}\s*[\divxlc]+$")
_BULLET = re.compile(r"^([•‣◦▪●○∙·–*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+(?=\S)")
_ENDS_SENTENCE = (".", "!", "?", ":", ";", "”", '"', ")")
# A line this much shorter than the page's full lines can be a paragraph's last one.
_SHORT = 0.85
_VERY_SHORT = 0.6
_FULL_LINES_QUANTILE = 0.8
_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_LIGATURE = re.compile("[\ufb00-\ufb06]")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Consecutive lines of one page; `first` is the number of the first one. `bullet` is its list mark."""

    first: int
    text: str
    bullet: str = ""

    @property
    def plain(self) -> str:
        """On one line: words that were cut at a line's end and ligatures are spelled out."""
        joined = _HYPHENATED.sub("", self.text)
        spelled = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKD", match[0]), joined)
        return " ".join(spelled.split())


def without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """The pages without running heads, feet, page numbers and the dotted lines of a table of contents.

    A head or foot repeats but for its digits, or has a number that counts along with the pages.
    """
    shapes: Counter[str] = Counter()
    offsets: Counter[int] = Counter()
    for number, lines in enumerate(pages):
        edges = _edges(lines)
        shapes.update({_shape(lines[at]) for at in edges})
        offsets.update({found - number for at in edges for found in _numbers(lines[at])})
    least = max(_RUNNING_PAGES, _RUNNING_SHARE * sum(bool(lines) for lines in pages))
    running = {shape for shape, count in shapes.items() if count >= least}
    counting = {offset for offset, count in offsets.items() if count >= least}
    kept = []
    for number, lines in enumerate(pages):
        dropped = {
            at
            for at in _edges(lines)
            if _PAGE_NUMBER.match(lines[at].strip())
            or _shape(lines[at]) in running
            or any(found - number in counting for found in _numbers(lines[at]))
        }
        kept.append([
            line
            for at, line in enumerate(lines)
            if at not in dropped and not _DOT_LEADER.search(line.rstrip())
        ])  # fmt: skip
    return kept


def paragraphs(lines: list[str], breaks: set[int]) -> Iterator[Paragraph]:
    """The lines put together; those numbered in `breaks` are left out and part what is around them."""
    full = _full_length(lines)
    open_lines: list[str] = []
    first = 0
    for number, line in enumerate(lines):
        starts = not line.strip() or number in breaks
        if open_lines and (starts or _parts(open_lines[-1], line, full)):
            yield _paragraph(first, open_lines)
            open_lines = []
        if starts:
            continue
        if not open_lines:
            first = number
        open_lines.append(line.strip())
    if open_lines:
        yield _paragraph(first, open_lines)


def _paragraph(first: int, lines: list[str]) -> Paragraph:
    mark = _BULLET.match(lines[0])
    return Paragraph(first, "\n".join(lines), mark[1] if mark else "")


def _parts(before: str, line: str, full: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if _BULLET.match(line.strip()):
        return True
    length = len(before)
    if length >= _SHORT * full or before.endswith("-"):
        return False
    begins = not line.strip()[0].islower()
    return before.endswith(_ENDS_SENTENCE) or (begins and length < _VERY_SHORT * full)


def _full_length(lines: list[str]) -> float:
    lengths = sorted(len(line.strip()) for line in lines if line.strip())
    return lengths[int(len(lengths) * _FULL_LINES_QUANTILE)] if lengths else 0.0


def _edges(lines: list[str]) -> list[int]:
    """The numbers of the first and last lines with text, none of a page that has no others."""
    printed = [at for at, line in enumerate(lines) if line.strip()]
    if len(printed) < 2:
        return []
    lines_each = 1 if len(printed) < _PAGE_LINES else 2
    return sorted({*printed[:lines_each], *printed[-lines_each:]})


def _shape(line: str) -> str:
    return _DIGITS.sub("#", " ".join(line.split()))


def _numbers(line: str) -> list[int]:
    match = _NUMBER_AT_EDGE.search(line.strip())
    return [int(match[1] or match[2])] if match else []
