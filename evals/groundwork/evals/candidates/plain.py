"""Candidate questions without a model: from headings, definitions, options and tables, each with the place that answers it.

The same index and seed give the same questions. They keep the page's words, so whoever reviews them writes them anew where
the set should not be easy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from groundwork.core.documents import BlockKind
from groundwork.evals.candidates.sections import Piece, Section, corpus_of
from groundwork.evals.golden import Example, leaks

# First words of headings that tell to do something.
_VERBS = frozenset(
    "accept access activate add adjust allow analyze annotate apply assign attach authenticate authorize automate avoid back"
    " benchmark bind block browse build cache calibrate call cancel change check choose clean clear clone close compare compile"
    " compose configure confirm connect contribute control convert copy correct count create customize debug define delete"
    " deploy describe design detect diagnose disable discover display download drop edit enable encrypt enforce evaluate"
    " exclude execute expand export expose extend extract filter find fix follow force format generate get go grant group"
    " handle hide host identify import improve include increase index ingest inspect install integrate invoke isolate join keep"
    " label launch limit link list load lock log look make manage map measure merge migrate mirror modify monitor mount move"
    " name obtain open optimize order organize override package parse pass patch pause pin plan port post prepare preview"
    " print profile promote protect provide provision publish pull purge push put query read rebuild receive recover reduce"
    " refer refresh register reject release reload remove rename render repair replace report request require reset resize"
    " resolve restart restore restrict retain retrieve return reuse review revoke roll rotate route run sample save scale scan"
    " schedule search secure see select send separate serve set share show shrink sign skip sort specify split start stop store"
    " stream submit switch sync tag take test throttle tidy track train transfer translate trigger tune turn uninstall unlock"
    " update upgrade upload use validate verify view wait watch work write".split()
)
_AUX = r"(is|are|was|were|has|have|can|cannot|may|must|does|do)"
_WHY = re.compile(rf"Why ((?:\S+ ){{1,4}}?){_AUX} (.+)")
_DEFINITION = re.compile(
    r"((?:An? |The [\w-]+ )(?:[\w-]+ ){1,4}?)(is|are) (?:an?|the|one|what|how|where|all|everything)\b"
)
_SET_BY = re.compile(
    r"((?:An?|The|Every|Each) .{6,70}?) (is|are) (set|changed|given|chosen|limited|bounded|switched off|named) (by|with) (\S+)"
)
_AMOUNT = re.compile(
    r"((?:An?|The|Every|Each) .{6,60}?) (is|are|has|have|takes|take) (?:at most |at least |up to |about )?"
    r"(\d[\d,.]*\s?(?:%|[KMGT]iB|bytes|seconds|minutes|hours|days|milliseconds|ms|tokens|characters|questions|pages))"
)
_IDENTIFIER = re.compile(
    r"--[a-z][a-z0-9-]+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z_]\w*(?:\.\w+)+(?:\(\))?|[a-z]\w*_\w+(?:\(\))?|/[\w{}-]+(?:/[\w{}:-]+)+"
)
_VAGUE = re.compile(
    r"\b(?:it|its|they|their|them|this|that|these|those|here|there|such|same|above|below|other|latter)\b",
    re.IGNORECASE,
)
_MEANS = frozenset("meaning does description means what use effect purpose holds".split())
_EMPTY = frozenset(("", "-", "–", "unset", "none", "n/a", "empty", "required"))
_LONGEST_REFERENCE = 300


@dataclass(frozen=True, slots=True)
class Candidate:
    """A golden question to be. Its example has no id of its own yet; `how` says what it was made from."""

    example: Example
    how: str


def generate(sections: Sequence[Section], count: int, seed: int = 11) -> list[Candidate]:
    """Up to `count`, spread over the ways they are made and over the pages; equal questions share their places."""
    corpus = corpus_of(sections)
    found: dict[str, Candidate] = {}
    for section in sections:
        for one in _of(section):
            text = one.example.question
            known = found.get(text)
            if known is None:
                found[text] = one
            elif section.place not in known.example.gold:
                gold = (*known.example.gold, section.place)
                found[text] = replace(known, example=replace(known.example, gold=gold))
    # What stands on several places is about none of them.
    good = [one for one in found.values() if len(one.example.gold) <= 3]
    good = [one for one in good if not leaks(one.example, corpus.pages.values())]
    return _spread(good, seed)[:count]


def _spread(candidates: Iterable[Candidate], seed: int) -> list[Candidate]:
    """By turns of the ways, and within a way by turns of the pages."""

    def lot(one: Candidate) -> str:
        return sha256(f"{seed}\n{one.example.question}".encode()).hexdigest()

    turns: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, str, str, Candidate]] = []
    for one in sorted(candidates, key=lot):
        key = (one.how, one.example.source)
        turns[key] = turns.get(key, 0) + 1
        ranked.append((turns[key], one.how, lot(one), one))
    by_way: dict[str, list[Candidate]] = {}
    for _, how, _, one in sorted(ranked, key=lambda each: each[:3]):
        by_way.setdefault(how, []).append(one)
    rounds = max((len(held) for held in by_way.values()), default=0)
    return [held[n] for n in range(rounds) for _, held in sorted(by_way.items()) if n < len(held)]


def _of(section: Section) -> Iterator[Candidate]:
    yield from _from_heading(section)
    prose = [
        one for one in section.pieces if one.kind in {BlockKind.PARAGRAPH, BlockKind.LIST_ITEM}
    ]
    for piece in prose:
        yield from _from_sentence(section, piece)
    for piece in section.pieces:
        if piece.kind is BlockKind.TABLE:
            yield from _from_table(section, piece)


def _from_heading(section: Section) -> Iterator[Candidate]:
    heading = section.heading.strip().rstrip(".:")
    first, _, rest = heading.partition(" ")
    reference = _opening(section)
    if not reference:
        return
    if first.lower() in _VERBS and len(rest.split()) >= 2 and not rest.endswith("?"):
        question = f"How do I {first.lower()} {rest}?"
        yield _candidate(section, "how-to", question, reference, "heading", _command(section))
    why = _WHY.fullmatch(heading)
    if why is not None and not _VAGUE.search(why[1]):
        yield _candidate(section, "lookup", _why(why), reference, "reason")


def _from_sentence(section: Section, piece: Piece) -> Iterator[Candidate]:
    text = " ".join(piece.plain.split())
    if len(text) > _LONGEST_REFERENCE or text.endswith(":"):
        return
    set_by = _SET_BY.match(text)
    if set_by is not None and not _VAGUE.search(set_by[1]):
        named = _IDENTIFIER.fullmatch(set_by[5].rstrip(".,;:"))
        if named is not None:
            question = f"What {set_by[2]} {_lowered(set_by[1])} {set_by[3]} {set_by[4]}?"
            yield _candidate(section, "lookup", question, text, "option", (named[0],))
            return
    amount = _AMOUNT.match(text)
    if amount is not None and not _VAGUE.search(amount[1]) and amount[2] in {"is", "are"}:
        question = f"What {amount[2]} {_lowered(amount[1])}?"
        yield _candidate(section, "lookup", question, text, "amount", (amount[3],))
        return
    definition = _DEFINITION.match(text)
    if definition is not None and not _VAGUE.search(definition[1]) and piece is section.pieces[0]:
        question = f"What {definition[2]} {_lowered(definition[1].strip())}?"
        yield _candidate(section, "lookup", question, text, "definition")


def _from_table(section: Section, piece: Piece) -> Iterator[Candidate]:
    rows = [[cell.strip() for cell in line.split(" | ")] for line in piece.plain.splitlines()]
    if len(rows) < 2:
        return
    head = [cell.lower() for cell in rows[0]]
    default = next((n for n, name in enumerate(head) if name == "default"), None)
    for cells in rows[1:]:
        if len(cells) != len(head) or _IDENTIFIER.fullmatch(cells[0]) is None:
            continue
        meaning = cells[-1]
        if head[-1] in _MEANS and len(meaning.split()) >= 3:
            yield _candidate(
                section,
                "identifier",
                f"What is {cells[0]} for?",
                _sentence(meaning),
                "table",
                (cells[0],),
            )
        if default is not None and cells[default].lower() not in _EMPTY:
            question = f"What is the default of {cells[0]}?"
            yield _candidate(
                section,
                "identifier",
                question,
                _sentence(cells[default]),
                "default",
                (cells[default],),
            )


def _candidate(
    section: Section,
    category: str,
    question: str,
    reference: str,
    how: str,
    must_contain: tuple[str, ...] = (),
) -> Candidate:
    example = Example(
        "",
        category,
        question,
        gold=(section.place,),
        reference=reference,
        must_contain=must_contain,
    )
    return Candidate(example, how)


def _opening(section: Section) -> str:
    """The first sentence, which by good custom answers; "" where the section has none."""
    for piece in section.pieces:
        text = " ".join(piece.plain.split())
        if piece.kind is BlockKind.PARAGRAPH and 20 <= len(text) <= _LONGEST_REFERENCE:
            return text.rstrip(":") + ("." if text.endswith(":") else "")
    return ""


def _command(section: Section) -> tuple[str, ...]:
    """The command that a section's first code block begins with, where it is one: its words before the first option."""
    for piece in section.pieces:
        if piece.kind is BlockKind.CODE:
            lines = [line.strip() for line in piece.plain.splitlines() if line.strip()]
            if not lines or not re.fullmatch(r"[a-z][\w.-]+ [a-z][\w-]*( .*)?", lines[0]):
                return ()
            words = lines[0].split()[:2]
            return (" ".join(words),)
    return ()


def _why(heading: re.Match[str]) -> str:
    """`Why keys have owners` asked: `Why do keys have owners?`."""
    subject, verb, rest = heading[1].strip(), heading[2], heading[3]
    ask, verb = {"have": ("do", "have "), "has": ("does", "have ")}.get(verb, (verb, ""))
    return f"Why {ask} {subject} {verb}{rest}?"


def _lowered(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
