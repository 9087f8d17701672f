"""Citation marks inside a paragraph, told apart from everything else that stands in brackets.

A mark is `[1]`, `[1][2]`, `[1, 2]` or `【1】`. These are none: what stands in inline code, a link (`[1](url)`, `[text][1]`,
`![1]`), an escaped bracket, `[0]`, a definition (`[1]: url` at a line's start), and an index (`arr[1]`): the word before it
is written like an identifier, is one that the passages index, or the expression goes on behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MARK = re.compile(r"[\[【] ?(\d{1,3}(?: ?[,;] ?\d{1,3})*) ?[\]】]")
_MARK_BEGUN = re.compile(r"[\[【] ?(?:\d{1,3}(?: ?[,;] ?\d{1,3})*(?: ?[,;])? ?)?")
# Between two marks of one run.
_BETWEEN = re.compile(r"[ \t]*[,;]?[ \t]*(?=[\[【])")
_BETWEEN_BEGUN = re.compile(r"[ \t]*[,;]?[ \t]*")
_WORD_BEFORE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:]*$")
_IDENTIFIER = re.compile(r"_|[A-Za-z]\w*[.:]+\w|[a-z][A-Z]|[A-Za-z]\d")
_GOES_ON = re.compile(r"[\w(\[]|\.\w|[ \t]*[=<>+/]")
_GOES_ON_BEGUN = re.compile(r"\.|[ \t]*")
_CLOSES = frozenset(".,;:!?)]}\"'’”»*_。，；：！？、）」』")
_SPECIAL = re.compile(r"[\\`\[【]")
_SUBSCRIPT = re.compile(r"([A-Za-z_]\w*)\[\d+\]")


@dataclass(slots=True)
class Lexed:
    """What is certain of a paragraph so far, whatever comes next.

    `text` is without marks; `origin[i]` is where `text[i]` stands in the source. `marks` are (offset into `text`,
    number), in order. `read` is how much of the source was decided.
    """

    text: str = ""
    origin: list[int] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    read: int = 0

    def _take(self, source: str, end: int) -> None:
        self.text += source[self.read : end]
        self.origin.extend(range(self.read, end))
        self.read = end

    def _drop_trailing_blanks(self) -> None:
        self.text = self.text.rstrip(" \t")
        del self.origin[len(self.text) :]


def run_length(text: str, start: int) -> int:
    """How often the character at `start` stands there in a row."""
    return len(text) - start - len(text[start:].lstrip(text[start]))


def subscripted(text: str) -> frozenset[str]:
    """The words that a text indexes by number: `arr` of `arr[1]`."""
    return frozenset(_SUBSCRIPT.findall(text))


def lex(source: str, closed: bool, indexed: frozenset[str] = frozenset()) -> Lexed:
    """Read as far as is certain; all of it where `closed` says that nothing of this paragraph follows."""
    done = Lexed()
    while done.read < len(source):
        start = done.read
        char = source[start]
        if char == "\\":
            end = start + 2 if closed or start + 1 < len(source) else None
        elif char == "`":
            end = _code_span(source, start, closed)
        elif char in "[【":
            end = _marks(done, source, closed, indexed)
        else:
            special = _SPECIAL.search(source, start)
            end = special.start() if special is not None else len(source)
        if end is None:
            break
        if done.read == start:
            done._take(source, min(end, len(source)))  # noqa: SLF001  # one module, one data structure
    return done


def marks_alone(source: str, closed: bool) -> tuple[int, list[int]] | None:
    """A line that holds marks and nothing else: where they end, and their numbers; (0, []) where it does not.

    None: not certain yet. `source` begins with white space, or with the marks.
    """
    body = source.lstrip()
    if not body:
        return (0, []) if closed else None
    if body[0] not in "[【":
        return 0, []
    found = _run(body, 0, closed)
    if found is None or (found[0] == len(body) and not closed):
        return None
    end, numbers = found
    after = body[end:].lstrip(" \t")
    if not after and not closed:
        return None
    alone = bool(numbers) and (not after or after[0] == "\n")
    return (len(source) - len(body) + end, numbers) if alone else (0, [])


def _code_span(source: str, start: int, closed: bool) -> int | None:
    ticks = run_length(source, start)
    inside = start + ticks
    if inside == len(source) and not closed:
        return None
    newline = source.find("\n", inside)
    limit = len(source) if newline < 0 else newline
    closing = re.compile(f"(?<!`)`{{{ticks}}}(?!`)").search(source, inside, limit)
    certain = closed or newline >= 0
    if closing is not None and (closing.end() < limit or certain):
        return closing.end()
    return inside if certain else None


def _marks(done: Lexed, source: str, closed: bool, indexed: frozenset[str]) -> int | None:
    """Take a run of marks in; returns where it ends, or the next character where it is no mark."""
    start = done.read
    found = _run(source, start, closed)
    if found is None:
        return None
    end, numbers = found
    literal = not numbers
    if numbers:
        verdict = _is_literal(source, start, end, closed, indexed)
        if verdict is None:
            return None
        literal = verdict
    if literal:
        return start + 1
    follows = source[end : end + 1]
    if not done.text or done.text.endswith("\n"):
        end += len(source[end:]) - len(source[end:].lstrip(" \t"))
        if end == len(source) and not closed:
            return None
    elif not follows or follows.isspace() or follows in _CLOSES:
        done._drop_trailing_blanks()  # noqa: SLF001
    done.marks.extend((len(done.text), number) for number in numbers)
    done.read = end
    return end


def _run(source: str, start: int, closed: bool) -> tuple[int, list[int]] | None:
    """Marks next to each other: where they end, and their numbers; no number where there is no mark."""
    numbers: list[int] = []
    end = position = start
    while True:
        found = _MARK.match(source, position)
        if found is None:
            begun = _MARK_BEGUN.match(source, position)
            if begun is not None and begun.end() == len(source) and not closed:
                return None
            return end, numbers
        read = [int(digits) for digits in re.findall(r"\d+", found[1])]
        if 0 in read:
            return end, numbers
        numbers += read
        end = position = found.end()
        between = _BETWEEN.match(source, end)
        if between is not None:
            position = between.end()
            continue
        begun = _BETWEEN_BEGUN.match(source, end)
        if begun is not None and begun.end() == len(source) and not closed:
            return None
        return end, numbers


def _is_literal(
    source: str, start: int, end: int, closed: bool, indexed: frozenset[str]
) -> bool | None:
    before = source[start - 1 : start]
    after = source[end : end + 1]
    line = source[source.rfind("\n", 0, start) + 1 : start]
    defines = after == ":" and not line.strip()
    if before == "]" or after == "(" or defines or source[max(0, start - 2) : start] == "()":
        return True
    word = _WORD_BEFORE.search(source, 0, start)
    if word is None:
        return False
    if _IDENTIFIER.search(word[0]) or word[0] in indexed or _GOES_ON.match(source, end):
        return True
    begun = _GOES_ON_BEGUN.match(source, end)
    undecided = begun is not None and begun.end() == len(source) and not closed
    return None if undecided else False
