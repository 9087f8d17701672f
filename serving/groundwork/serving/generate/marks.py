"""A model's text, however it is cut, into claims with the passages that it says they rest on.

A claim is a sentence, a list item's sentence, a table or a block of code. What holds claims together (headings, sentences
that end in a colon, rules) is told apart from them. The same text gives the same claims however the stream cuts
it: a claim is handed out once nothing that may follow could change it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from groundwork.core.sentences import sentence_spans
from groundwork.serving.generate.inline import lex, marks_alone, run_length

_MARKERS = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,3}[.)])[ \t]+)*")
_MARKER_BEGUN = re.compile(r"(?:>|[-*+]|\d{1,3}[.)]?|#{1,6}|`{1,2}|~{1,2})")
_RULE = re.compile(r"[ \t]*([-*_])(?:[ \t]*\1){2,}[ \t]*(?=\n|$)")
_RULE_BEGUN = re.compile(r"[ \t]*([-*_])(?:[ \t]*\1)*[ \t]*")
_HEADING = re.compile(r"#{1,6}(?=[ \t])")
_FENCE = re.compile(r"`{3,}|~{3,}")
_BOLD_LINE = re.compile(r"\*\*[^*\n]+\*\*:?")
# What may stand between a sentence and the next one that has not shown itself yet.
_OPENERS = re.compile(r"\s+[(\[\"'“‘`*_<]*$|\s+$")
# Of code that is not closed yet, what stays as it is whether it will be closed or not: no mark and no stop in it.
_CODE_BEGUN = re.compile(r"`+(?:[^`\[【.!?…。！？\n]*[^`\[【.!?…。！？\s])?")
_STOP = re.compile(r"[.!?。！？…][)\]\"'”’*_]*$")
_DECORATION = "`*_\"'“”. \t\n"
# So far behind an end may stand what shows that it is one.
_LOOK_BACK = 64
_BOLD_LEVEL = 6
_LEAD_IN_LEVEL = 7


class Kind(StrEnum):
    """What a claim is; headings, lead-ins and rules say nothing that needs support."""

    PROSE = "prose"
    TABLE = "table"
    CODE = "code"
    HEADING = "heading"
    LEAD_IN = "lead-in"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of the answer. `lead` + `text` of all claims is the answer without its marks.

    `lead` is the white space and the list markers before the text. `marks` are the model's numbers, in order. `level`
    is a heading's 1 to 6, and 7 for a lead-in.
    """

    lead: str
    text: str
    kind: Kind
    marks: tuple[int, ...] = ()
    level: int = 0

    @property
    def body(self) -> str:
        """Code without its fences; any other text as it is."""
        if self.kind is not Kind.CODE:
            return self.text
        return "\n".join(self.text.split("\n")[1:-1])


_BEGINNINGS = (
    (Kind.CODE, _FENCE),
    (Kind.HEADING, _HEADING),
    (Kind.TABLE, re.compile(r"\|")),
)


class MarkParser:
    """Feed it deltas; it hands out claims. After `sentinel` it hands out nothing more, and `abstained` is true.

    Without `previews` it looks only when a claim may have ended, and `peek` knows nothing.
    """

    def __init__(
        self,
        sentinel: str | None,
        indexed: frozenset[str] = frozenset(),
        *,
        previews: bool = True,
    ) -> None:
        self.abstained = False
        self._previews = previews
        self._ends = re.compile(rf"[.!?。！？…\n]|{sentinel}" if sentinel else r"[.!?。！？…\n]")
        self._seen = 0
        self._sentinel = sentinel
        self._told = re.compile(rf"(?<!\w){sentinel}(?!\w)") if sentinel else None
        self._indexed = indexed
        self._buffer = ""
        self._line_start = True
        self._first = True
        self._open = ""

    def feed(self, delta: str) -> list[Claim]:
        """The claims that are complete now."""
        if self.abstained:
            return []
        self._buffer += delta
        # What is certain stays so, and looking later finds the same claims.
        if not self._previews and self._ends.search(self._buffer, self._seen) is None:
            return []
        claims = self._claims(final=False)
        self._seen = max(0, len(self._buffer) - _LOOK_BACK)
        return claims

    def finish(self) -> list[Claim]:
        """The stream has ended: what is left."""
        return [] if self.abstained else self._claims(final=True)

    def peek(self) -> str:
        """The certain beginning of the next claim's `lead` + `text`."""
        return self._open

    def _claims(self, final: bool) -> list[Claim]:
        claims = []
        while not self.abstained:
            self._open = ""
            claim = self._next(final)
            if claim is None:
                break
            kept = self._without_sentinel(claim)
            if kept is not None:
                claims.append(kept)
                self._first = False
        return claims

    def _next(self, final: bool) -> Claim | None:
        gap = len(self._buffer) - len(self._buffer.lstrip())
        if gap == len(self._buffer):
            return None
        line = self._buffer.rfind("\n", 0, gap) + 1
        if not self._line_start and line == 0:
            return self._prose(gap, final)
        opened = _opening(self._buffer[line:], final)
        if opened is None:
            return None
        kind, size = opened
        start = line + size
        if kind in {Kind.HEADING, Kind.RULE}:
            return self._line(kind, start, final)
        read = {Kind.CODE: self._code, Kind.TABLE: self._table}.get(kind, self._prose)
        return read(start, final)

    def _emit(self, claim: Claim, end: int, line_start: bool) -> Claim:
        self._buffer = self._buffer[end:]
        self._line_start = line_start
        return claim

    def _lead(self, start: int) -> str:
        lead = self._buffer[:start]
        return lead.lstrip() if self._first else lead

    def _line(self, kind: Kind, start: int, final: bool) -> Claim | None:
        newline = self._buffer.find("\n", start)
        if newline < 0 and not final:
            return None
        end = newline if newline >= 0 else len(self._buffer)
        found = lex(self._buffer[start:end], True, self._indexed)
        hashes = _HEADING.match(found.text)
        level = hashes.end() if hashes else _LEAD_IN_LEVEL
        numbers = tuple(number for _, number in found.marks)
        claim = Claim(self._lead(start), found.text.strip(), kind, numbers, level)
        return self._emit(claim, end, True)

    def _code(self, start: int, final: bool) -> Claim | None:
        fence = self._buffer[start] * run_length(self._buffer, start)
        closing = re.compile(
            rf"\n[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*((?:[\[【][\d ,;]+[\]】][ \t]*)*)(?=\n|$)"
        ).search(self._buffer, start + len(fence))
        lines_end = self._buffer.rfind("\n") if not final else len(self._buffer)
        if closing is None or (closing.end() > lines_end and not final):
            text = self._buffer[start : max(lines_end, start)].rstrip()
            self._open = self._lead(start) + text if text else ""
            if not final:
                return None
            # Cut before it was closed: it is closed here, so that what follows is no code.
            text = re.sub(r"\n[ \t]*[`~]*$", "", text).rstrip() + f"\n{fence}"
            return self._emit(Claim(self._lead(start), text, Kind.CODE), len(self._buffer), True)
        text = self._buffer[start : closing.start(1)].rstrip()
        numbers = [int(digits) for digits in re.findall(r"\d+", closing[1])]
        self._open = self._lead(start) + text
        return self._with_marks_below(
            Claim(self._lead(start), text, Kind.CODE, tuple(numbers)), closing.end(), final
        )

    def _table(self, start: int, final: bool) -> Claim | None:
        end = start
        while True:
            newline = self._buffer.find("\n", end)
            if newline < 0:
                if not final:
                    return None
                end = len(self._buffer)
                break
            position = _skip_blanks(self._buffer, newline + 1)
            if position == len(self._buffer) and not final:
                return None
            end = newline
            if self._buffer[position : position + 1] != "|":
                break
            end = position
        found = lex(self._buffer[start:end], True, self._indexed)
        numbers = tuple(number for _, number in found.marks)
        claim = Claim(self._lead(start), found.text.rstrip(), Kind.TABLE, numbers)
        return self._with_marks_below(claim, end, final)

    def _prose(self, start: int, final: bool) -> Claim | None:
        length, closed = _paragraph(self._buffer[start:], final)
        found = lex(self._buffer[start : start + length], closed, self._indexed)
        told = self._sentinel_in(found.text, closed)
        first = _first_sentence(found.text[: told.end()] if told else found.text, found.marks)
        if first is not None:
            end_of_first, following = first
            numbers = tuple(number for at, number in found.marks if at <= following)
            end = start + found.origin[following]
            # White space between two sentences belongs to the second.
            gap = found.text[end_of_first:following]
            claim = self._sentence(start, found.text[:end_of_first], numbers)
            self._buffer = self._buffer[:start] + gap + self._buffer[end:]
            return self._emit(claim, start, False)
        if told is not None:
            numbers = tuple(number for at, number in found.marks if at <= told.start())
            text = found.text[: told.end()]
            return self._emit(self._sentence(start, text, numbers), len(self._buffer), True)
        if not closed:
            begun = _CODE_BEGUN.match(self._buffer, start + found.read)
            if begun is not None and self._sentinel and self._sentinel[:3] in found.text + begun[0]:
                begun = None
            self._open = self._certain(start, found.text + (begun[0] if begun else ""))
            # Code begins behind these blanks, and no mark that would take them away.
            if self._open and begun is not None and not begun[0].strip("`"):
                self._open += found.text[len(found.text.rstrip(" ")) :]
            return None
        numbers = tuple(number for _, number in found.marks)
        claim = self._sentence(start, found.text.rstrip(), numbers)
        self._open = self._certain(start, found.text)
        return self._with_marks_below(claim, start + length, final)

    def _sentence(self, start: int, text: str, numbers: tuple[int, ...]) -> Claim:
        body = text.rstrip("*_ ")
        if _BOLD_LINE.fullmatch(text):
            return Claim(self._lead(start), text, Kind.HEADING, numbers, _BOLD_LEVEL)
        if body.endswith((":", "：")):
            return Claim(self._lead(start), text, Kind.LEAD_IN, numbers, _LEAD_IN_LEVEL)
        return Claim(self._lead(start), text, Kind.PROSE, numbers)

    def _with_marks_below(self, claim: Claim, end: int, final: bool) -> Claim | None:
        """The claim with the marks of a line of their own that follows."""
        below = marks_alone(self._buffer[end:], final)
        if below is None:
            return None
        size, numbers = below
        whole = Claim(claim.lead, claim.text, claim.kind, (*claim.marks, *numbers), claim.level)
        return self._emit(whole, end + size, True)

    def _certain(self, start: int, text: str) -> str:
        """What of an unfinished sentence may be shown: no mark, no sentinel and no next sentence begins in it."""
        if not self._previews:
            return ""
        if self._sentinel is not None:
            core = text.lstrip(_DECORATION)[: len(self._sentinel)]
            if self._sentinel.startswith(core):
                return ""
            for size in range(min(len(text), len(self._sentinel)), 0, -1):
                if self._sentinel.startswith(text[-size:]):
                    text = text[:-size]
                    break
        shown = _OPENERS.sub("", text)
        return self._lead(start) + shown if re.search(r"\w", shown) else ""

    def _sentinel_in(self, text: str, closed: bool) -> re.Match[str] | None:
        """Where a paragraph says that nothing answers; None while a letter may still follow."""
        if self._told is None:
            return None
        for told in self._told.finditer(text):
            if not _in_code(text, told.start()):
                return told if told.end() < len(text) or closed else None
        return None

    def _without_sentinel(self, claim: Claim) -> Claim | None:
        if self._told is None or claim.kind is Kind.CODE:
            return claim
        told = self._told.search(claim.text)
        if told is None:
            return claim
        if claim.text.strip(_DECORATION) != self._sentinel and _in_code(claim.text, told.start()):
            return claim
        self.abstained = True
        self._buffer = ""
        text = _OPENERS.sub("", claim.text[: told.start()])
        if not re.search(r"\w", text):
            return None
        return Claim(claim.lead, text, claim.kind, claim.marks, claim.level)


def _first_sentence(text: str, marks: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Where the first of several sentences ends and where the next one begins; None where there is only one yet.

    A mark behind a stop ends a sentence also where the stop alone would not ("Ctrl-C. [1]", "。[1]").
    """
    spans = sentence_spans(text)
    ends = [(spans[0][1], spans[1][0])] if len(spans) > 1 else []
    for at, _ in marks:
        end = len(text[:at].rstrip())
        following = at + len(text[at:]) - len(text[at:].lstrip())
        ended = end > 0 and _STOP.search(text[:end]) is not None
        if ended and following < len(text) and not text[following].islower():
            ends.append((end, following))
    return min(ends, default=None)


def _in_code(text: str, position: int) -> bool:
    return text.count("`", 0, position) % 2 == 1


def _skip_blanks(text: str, position: int) -> int:
    while text[position : position + 1] in {" ", "\t"}:
        position += 1
    return position


def _opening(text: str, final: bool) -> tuple[Kind, int] | None:
    """What a line begins, and how long its white space and list markers are; None where that is not certain."""
    rule = _RULE.match(text)
    if rule is not None and (rule.end() < len(text) or final):
        return Kind.RULE, _skip_blanks(text, 0)
    markers = _MARKERS.match(text)
    size = markers.end() if markers else 0
    rest = text[size:]
    begun = not rest or _MARKER_BEGUN.fullmatch(rest) or _RULE_BEGUN.fullmatch(text)
    if begun and not final:
        return None
    for kind, pattern in _BEGINNINGS:
        if pattern.match(rest):
            return kind, size
    return Kind.PROSE, size


def _paragraph(text: str, final: bool) -> tuple[int, bool]:
    """How long the paragraph at the beginning is, as far as is certain, and whether it ends there."""
    position = 0
    while (newline := text.find("\n", position)) >= 0:
        line = text[position:newline]
        following = text[newline + 1 :]
        if line.rstrip().rstrip("*_").endswith((":", "：")) or line.endswith("  "):
            return newline, True
        if _BOLD_LINE.fullmatch(line.strip()):
            return newline, True
        stripped = following.lstrip(" \t")
        if stripped.startswith("\n") or (not stripped and final):
            return newline, True
        opened = _opening(following, final)
        if opened is None:
            return newline, False
        kind, size = opened
        if kind is not Kind.PROSE or following[:size].strip():
            return newline, True
        position = newline + 1
    return len(text), final


def without_marks(text: str) -> str:
    """A finished text without its marks."""
    parser = MarkParser(None)
    claims = [*parser.feed(text), *parser.finish()]
    return "".join(claim.lead + claim.text for claim in claims)
