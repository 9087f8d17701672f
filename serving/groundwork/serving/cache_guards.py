"""What two questions must have in common besides their vectors before the answer to one may be the answer to the other.

A sentence embedding hardly sees the difference between "enable" and "disable", 403 and 503, or `lstrip` and `rstrip`, and
an answer to the wrong one of them looks right. So everything that turns a question into another one is compared in
words; a pair that differs there is never the same, however near its vectors are.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from groundwork.retrieval.sparse import terms

VERSION = "guards-1"

_WORD = re.compile(r"--?[\w-]+|[\w./@:-]*\w(?:\(\))?", re.UNICODE)
# Dotted, snake_case, call(), --flag, path, camelCase, UPPER CASE of two letters and more.
_IDENTIFIER = re.compile(r"\w[._/:@]\w|\w_|\(\)|^-|^/|[a-z][A-Z]|^[A-Z][A-Z0-9]+s?$")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|without|cannot|except|unless|neither|nor|fail\w*|refus\w*|miss\w*)\b|n['’]t\b",
    re.IGNORECASE,
)
# Each line is one choice; words of one side mean the same here.
_OPPOSITES = """
enable activate on | disable deactivate off
start launch begin | stop shut quit end finish | restart reboot
add | remove
create make new | delete drop destroy erase
before | after
allow permit | deny forbid block
grant | revoke
upload | download
import | export
encrypt | decrypt
encode | decode
lock | unlock
attach | detach
mount | unmount
install | uninstall
upgrade update | downgrade
increase raise more higher larger | decrease lower reduce less fewer smaller
minimum min least lowest smallest | maximum max most highest largest
read | write
input | output
source | target destination
first oldest earliest | last newest latest most-recent recent
ascending | descending
left | right
up | down
open | close
push | pull
local | remote
public | private
client | server
request | response
all every each | one single only
with | without
same | different
backup back-up | restore recover
promote | rollback roll-back revert
compress | decompress uncompress extract
connect | disconnect
subscribe | unsubscribe
show display reveal | hide
online | offline
internal inside | external outside
above over | below under
sync synchronous | async asynchronous
success succeed | failure
required mandatory | optional
default | custom own
static | dynamic
head | tail
prefix | suffix
row | column
parse | format
catch handle | throw raise-error
pause suspend | resume continue
expand | collapse shrink
buy | sell
join | leave split
login log-in | logout log-out
""".strip().splitlines()

_KINDS = (
    ("how many", r"(?:how (?:many|much|long|often|big|large|far|old|fast)|for how long|what is the (?:number|amount|cost|price))\b"),
    ("how", r"(?:how|in what way|what (?:is|are) the (?:best |right |correct )?(?:way|steps?|procedure)s? (?:to|for|of))\b"),
    ("why", r"(?:why|for what reason|what is the reason|how come)\b"),
    ("can", r"(?:can|could|may|is it possible|are there ways|is there a way|am i able|are we able|is it allowed)\b"),
    ("yes or no", r"(?:is|are|was|were|do|does|did|has|have|had|will|would|should|must|shall)\b"),
    ("when", r"(?:when|at what time|since when|until when)\b"),
    ("where", r"(?:where|in which (?:file|folder|directory|place)|at which)\b"),
    ("who", r"(?:who|whose|whom|by whom)\b"),
    ("which", r"(?:which|what (?!(?:is|are|does|do|did|was|were|happens?|'s|’s)\b)\w+)"),
    ("what", r"what\b"),
)  # fmt: skip
_KIND_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _KINDS)
# Stems of words that a paraphrase adds or drops without saying anything else.
_LIGHT = frozenset(
    "get make set find use mean have want need possibl way work do go take happen look like pleas exact actual".split()
)
# "of which nationality", "what type of school": what is asked for, also where the sentence begins otherwise.
_ASKED_FOR = re.compile(
    r"\b(?:which|what)\s+(?!(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|happens?|about)\b)"
    r"(\w+(?:\s+\w+){0,2})",
    re.IGNORECASE,
)
_TO = re.compile(r"\b(\w+) (?:to|into|from) (?:an? |the )?(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signature:
    """What of a question may not differ. `words` and `asked_for` are stemmed, in no order."""

    identifiers: frozenset[str]
    numbers: frozenset[str]
    negated: bool
    sides: frozenset[tuple[int, int]]
    directions: frozenset[tuple[str, str]]
    kind: str
    asked_for: frozenset[str]
    words: frozenset[str]


def signature(question: str) -> Signature:
    """Read once for each question that is kept or looked up."""
    text = unicodedata.normalize("NFKC", question)
    tokens = _WORD.findall(text)
    words = [token.lower() for token in tokens]
    numbers = {number for token in tokens for number in _NUMBER.findall(token)}
    numbers |= {_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS and word != "one"}
    return Signature(
        identifiers=frozenset(token for token in tokens if _IDENTIFIER.search(token)),
        numbers=frozenset(numbers),
        negated=bool(_NEGATION.search(text)),
        sides=frozenset(side for word in words for side in _SIDES.get(word, ())),
        directions=frozenset(
            (first.lower(), second.lower()) for first, second in _TO.findall(text)
        ),
        kind=_kind(text),
        asked_for=frozenset(term for found in _ASKED_FOR.findall(text) for term in terms(found)),
        words=frozenset(terms(text)),
    )


def conflict(a: Signature, b: Signature) -> str | None:
    """Why these two are not the same question, whatever their vectors say; None where nothing speaks against it."""
    for name, differs in (
        ("identifiers", a.identifiers != b.identifiers),
        ("numbers", a.numbers != b.numbers),
        ("negation", a.negated != b.negated),
        ("opposites", _opposed(a.sides, b.sides)),
        ("direction", any((second, first) in b.directions for first, second in a.directions)),
        ("kind of question", a.kind != b.kind),
        (
            "what is asked for",
            bool(a.asked_for and b.asked_for) and not a.asked_for & b.asked_for,
        ),
        ("one says more", _says_more(a.words, b.words)),
    ):
        if differs:
            return name
    return None


def _kind(text: str) -> str:
    opening = text.strip().lstrip("\"'“‘(").lower()
    return next((name for name, pattern in _KIND_PATTERNS if pattern.match(opening)), "other")


def _opposed(a: frozenset[tuple[int, int]], b: frozenset[tuple[int, int]]) -> bool:
    """Whether both take a side in one choice, and not the same."""
    for choice in {choice for choice, _ in a} & {choice for choice, _ in b}:
        mine = {side for where, side in a if where == choice}
        theirs = {side for where, side in b if where == choice}
        if mine != theirs:
            return True
    return False


def _says_more(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether one is the other and something besides: an index, and an index version."""
    mine, theirs = a - b - _LIGHT, b - a - _LIGHT
    return bool(mine) != bool(theirs)


def _inflected(word: str) -> tuple[str, ...]:
    stem = word.removesuffix("e")
    doubled = word + word[-1]
    return (
        word, f"{word}s", f"{word}es", f"{word}d", f"{word}ed", f"{stem}ing", f"{word}ing", f"{doubled}ed", f"{doubled}ing",
    )  # fmt: skip


def _sides() -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(_OPPOSITES):
        for side, words in enumerate(line.split("|")):
            for word in words.split():
                for form in _inflected(word):
                    places = found.setdefault(form, [])
                    if (number, side) not in places:
                        places.append((number, side))
    return {word: tuple(places) for word, places in found.items()}


_SIDES = _sides()
