"""What a sentence claims that must be said literally: numbers, identifiers, and whether it denies.

Similarity does not see these. "Port 8080" and "port 8081", `--force` and `--forced`, "is kept" and "is not kept" are near
to each other and say different things.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from groundwork.retrieval.sparse import terms

_CODE = re.compile(r"(`+)(.+?)\1")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OWN_NUMBER = re.compile(r"(?<![\w.\-/])v?(\d+(?:[.,]\d+)*)(?![\w/])", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
# --flag, snake_case, pkg.name, call(), camelCase, /a/path, host:port stay whole.
_IDENTIFIER = re.compile(
    r"(?<![\w-])--?[A-Za-z][\w-]*"
    r"|(?<!\w)[A-Za-z_]\w*(?:(?:\.|::)[A-Za-z_]\w*)+"
    r"|(?<!\w)[A-Za-z]\w*_\w+"
    r"|(?<!\w)[A-Za-z_]\w*(?=\(\))"
    r"|(?<!\w)[A-Za-z]*[a-z][A-Z]\w*"
    r"|(?<![\w/.<])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]+)*"
)
_COMMAND_WORD = re.compile(r"[a-z][\w.-]*")
_ABBREVIATIONS = frozenset({"e.g", "i.e"})
# Denials of a sentence's own statement; "without" and "none" often stand in what is affirmed.
_DENIAL = re.compile(r"\b(?:not|never|no|cannot)\b|n[’']t\b", re.IGNORECASE)
_ANY_DENIAL = re.compile(
    r"\b(?:not|never|no|none|nothing|nobody|cannot|neither|nor|without|unable|only|nowhere|instead)\b|n[’']t\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.,;:!?()]\s|[.,;:!?()]$|\n")
# What a denial reaches: so many words behind it, within its clause.
_REACH = 5
_EDGES = "\"'“”‘’.,;:!?()[]{}<>*`"


def numbers(text: str) -> frozenset[str]:
    """The numbers and versions that a claim states, as digits without thousands separators or a leading v.

    "two" to "twelve" count as numbers; "one" and "zero" seldom are.
    """
    plain = _THOUSANDS.sub("", _CODE.sub(" ", text))
    return frozenset(_OWN_NUMBER.findall(plain)) | (_worded(plain) - {"0", "1"})


@lru_cache(maxsize=1024)
def all_numbers(text: str) -> frozenset[str]:
    """Every number that a passage holds, those inside names and those written as words included."""
    plain = _THOUSANDS.sub("", text)
    return frozenset(_NUMBER.findall(plain)) | _worded(plain)


def identifiers(text: str) -> frozenset[str]:
    """Names out of code, options and paths that a claim uses, without call brackets."""
    found: set[str] = set()
    for _, code in _CODE.findall(text):
        found.update(_command(code))
    for name in _IDENTIFIER.findall(_CODE.sub(" ", text)):
        if name.lower() not in _ABBREVIATIONS:
            found.add(_bare(name))
    return frozenset(name for name in found if re.search(r"\w", name))


def _command(code: str) -> list[str]:
    """The words that a command begins with as one phrase, its options and arguments one by one."""
    parts = code.split()
    words = list(itertools.takewhile(_COMMAND_WORD.fullmatch, parts))
    rest = [_bare(part) for part in parts[len(words) :]]
    return [_bare(" ".join(words)), *rest]


def holds(text: str, identifier: str) -> bool:
    """Whether a text has the identifier as a whole. Options keep their case, other names do not."""
    flags = 0 if identifier.startswith("-") else re.IGNORECASE
    before = r"(?<!\w)" if re.match(r"\w", identifier) else ""
    after = r"(?!\w)" if re.search(r"\w$", identifier) else ""
    words = r"\s+".join(re.escape(word) for word in identifier.split())
    return re.search(before + words + after, text, flags) is not None


def denied(text: str) -> list[frozenset[str]]:
    """For each denial of a sentence (English), the terms it reaches: those of the next five words of its clause."""
    return [_reached(text, found.end()) for found in _DENIAL.finditer(text)]


def denies(text: str) -> bool:
    """Whether a text denies or excludes anything at all (English)."""
    return _ANY_DENIAL.search(text) is not None


def _reached(text: str, start: int) -> frozenset[str]:
    end = _CLAUSE_END.search(text, start)
    clause = text[start : end.start() if end else len(text)]
    return content(" ".join(clause.split()[:_REACH]))


@lru_cache(maxsize=4096)
def content(text: str) -> frozenset[str]:
    """The terms of a text, each once."""
    return frozenset(terms(text))


def _worded(text: str) -> frozenset[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return frozenset(_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS)


def _bare(name: str) -> str:
    name = re.sub(r"\(.*$", "", name)
    return name.lstrip(_EDGES.replace(".", "")).rstrip(_EDGES + "=")
