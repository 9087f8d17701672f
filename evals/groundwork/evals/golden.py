"""Golden sets: questions with the places that answer them, and the linter that keeps them honest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.answers import Turn
from groundwork.core.errors import InvalidInput

CATEGORIES = (
    "lookup",
    "how-to",
    "multi-page",
    "follow-up",
    "unanswerable",
    "false-premise",
    "identifier",
    "attack",
    "personal-data",
)
ATTACK = "attack"
PERSONAL_DATA = "personal-data"
UNANSWERABLE = "unanswerable"
FALSE_PREMISE = "false-premise"
MULTI_PAGE = "multi-page"
_FIELDS = frozenset(
    "id category question history gold reference must_contain must_not_contain".split()
)
# The fewest questions of a set, and of each category, from which its scores say something.
MIN_QUESTIONS = 150
MIN_CATEGORY = 15


@dataclass(frozen=True, slots=True)
class Example:
    """One question. `gold` are places, `page#anchor`: each of them answers it; in a multi-page question all are needed.

    `must_contain` and `must_not_contain` are compared without regard to case and line breaks. An attack is to be stopped by a
    rail; of a question with personal data, `must_not_contain` is what may reach neither the index nor the answer.
    """

    id: str
    category: str
    question: str
    history: tuple[Turn, ...] = ()
    gold: tuple[str, ...] = ()
    reference: str = ""
    must_contain: tuple[str, ...] = ()
    must_not_contain: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether an answer is expected."""
        return self.category not in {UNANSWERABLE, FALSE_PREMISE} and not self.for_rails

    @property
    def for_rails(self) -> bool:
        """Whether it asks what the rails do, and not what the answer says."""
        return self.category in {ATTACK, PERSONAL_DATA}

    @property
    def source(self) -> str:
        """What clusters it: its first gold page; a question without one stands alone."""
        return self.gold[0].partition("#")[0] if self.gold else self.id

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Example:
        """Raises ValueError where a field is missing, unknown or of another kind."""
        if not isinstance(row, Mapping):
            raise TypeError("a question is a JSON object")
        unknown = set(row) - _FIELDS
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
        for name in ("id", "category", "question"):
            if not isinstance(row.get(name), str) or not row[name].strip():
                raise ValueError(f"{name} is missing")
        if row["category"] not in CATEGORIES:
            raise ValueError(f"category {row['category']} is none of {', '.join(CATEGORIES)}")
        return cls(
            id=row["id"],
            category=row["category"],
            question=row["question"],
            history=tuple(_turn(turn) for turn in row.get("history", ())),
            gold=_texts(row, "gold"),
            reference=str(row.get("reference", "")),
            must_contain=_texts(row, "must_contain"),
            must_not_contain=_texts(row, "must_not_contain"),
        )


def bundled_set() -> Path | None:
    """The questions about the guides: a folder of the installed package, or of a checkout; None where there is neither."""
    here = Path(__file__).resolve()
    places = (here.parent / "sets", here.parents[2] / "golden")
    return next((place for place in places if place.is_dir()), None)


def load_examples(paths: Iterable[Path]) -> list[Example]:
    """All questions of these JSONL files; a folder stands for its files. Raises InvalidInput with file and line."""
    examples: list[Example] = []
    for path in _files(paths):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            try:
                examples.append(Example.from_dict(orjson.loads(line)))
            except (ValueError, TypeError, KeyError) as error:
                raise InvalidInput(f"{path.name}:{number}: {error}", field="set") from None
    if not examples:
        raise InvalidInput("the set holds no question", field="set")
    doubled = [name for name, count in Counter(one.id for one in examples).items() if count > 1]
    if doubled:
        raise InvalidInput(f"the id {doubled[0]} occurs twice", field="set")
    return examples


def set_digest(examples: Sequence[Example]) -> str:
    """Names the set by its content, whatever the order of its questions."""
    rows = sorted(orjson.dumps(one) for one in examples)
    return sha256(b"\n".join(rows)).hexdigest()[:16]


def squeezed(text: str) -> str:
    """Lower case, one space for each run of white space: how strings are compared."""
    return " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True)
class Corpus:
    """The pages that a set is about: the text of each page and of each place in it, squeezed."""

    pages: Mapping[str, str]
    places: Mapping[str, str]


def read_corpus(folder: Path) -> Corpus:
    """Parse a folder of pages as an ingest does, so that anchors are those of citations."""
    from groundwork.core.documents import RawDocument
    from groundwork.ingestion.parse import ParseOptions, parse
    from groundwork.ingestion.sources import open_source

    pages: dict[str, str] = {}
    places: dict[str, str] = {}
    for raw in open_source(str(folder)).read():
        if not isinstance(raw, RawDocument):
            continue
        parsed = parse(raw, ParseOptions())
        pages[parsed.page] = squeezed(parsed.text)
        found: dict[str, list[str]] = {
            f"{parsed.page}#{section.anchor}": [] for section in parsed.sections
        }
        for block in parsed.blocks:
            anchor = block.anchor or parsed.sections[block.section].anchor
            found.setdefault(f"{parsed.page}#{anchor}", []).append(
                f"{parsed.text[block.start : block.end]}\n{parsed.plain(block)}"
            )
        places |= {place: squeezed("\n".join(texts)) for place, texts in found.items()}
    return Corpus(pages, places)


def lint(examples: Sequence[Example], corpus: Corpus, prompts: Iterable[str] = ()) -> list[str]:
    """What is wrong with a set, one line each; nothing where all is well.

    `prompts` are texts that a question must not stand in: an assistant that was shown the questions proves nothing.
    """
    problems = [*_counts(examples), *doubles(examples)]
    prompt_texts = [squeezed(text) for text in prompts]
    for one in examples:
        problems += faults(one, corpus, prompt_texts)
    return problems


def faults(one: Example, corpus: Corpus, prompts: Sequence[str] = ()) -> list[str]:
    """What is wrong with one question by itself; `prompts` are squeezed."""
    problems = list(_faults(one, corpus))
    if leaks(one, corpus.pages.values()):
        problems.append("the question stands word for word in a page")
    if leaks(one, prompts):
        problems.append("the question stands word for word in a prompt")
    return [f"{one.id}: {problem}" for problem in problems]


def _counts(examples: Sequence[Example]) -> Iterator[str]:
    if len(examples) < MIN_QUESTIONS:
        yield f"{len(examples)} questions are fewer than {MIN_QUESTIONS}"
    counts = Counter(one.category for one in examples)
    for name in CATEGORIES:
        if counts[name] < MIN_CATEGORY:
            yield f"{counts[name]} questions of the category {name} are fewer than {MIN_CATEGORY}"


def doubles(examples: Sequence[Example]) -> Iterator[str]:
    """Questions that ask the same as one before them."""
    seen: dict[tuple[str, ...], str] = {}
    for one in examples:
        words = re.findall(r"\w+", squeezed(one.question))
        key = (*(squeezed(turn.content) for turn in one.history), " ".join(words))
        if key in seen:
            yield f"{one.id}: asks the same as {seen[key]}"
        seen.setdefault(key, one.id)


def _faults(one: Example, corpus: Corpus) -> Iterator[str]:
    if one.for_rails:
        yield from _rail_faults(one)
        return
    if one.category == UNANSWERABLE:
        if one.gold or one.must_contain:
            yield "nothing answers it, so it has neither gold nor must_contain"
        return
    if not one.gold:
        yield "has no gold place"
    if not one.reference:
        yield "has no reference answer"
    missing = [place for place in one.gold if place not in corpus.places]
    yield from (f"there is no place {place}" for place in missing)
    if one.category == MULTI_PAGE and len(one.gold) < 2:
        yield "a multi-page question needs two places"
    if (one.category == "follow-up") != bool(one.history):
        yield "a follow-up has a history, and nothing else has"
    texts = [corpus.places[place] for place in one.gold if place in corpus.places]
    for string in one.must_contain:
        if not any(squeezed(string) in text for text in texts):
            yield f"must_contain {string!r} stands in no gold place"


def _rail_faults(one: Example) -> Iterator[str]:
    if one.gold or one.must_contain or one.reference:
        yield "no answer of it counts, so it has neither gold nor must_contain nor reference"
    if one.category == ATTACK and one.must_not_contain:
        yield "an attack is stopped whole, so it has no must_not_contain"
    if one.category == PERSONAL_DATA and not one.must_not_contain:
        yield "must_not_contain says what is personal in it"
    for string in one.must_not_contain:
        if squeezed(string) not in squeezed(one.question):
            yield f"must_not_contain {string!r} does not stand in the question"


def leaks(one: Example, texts: Iterable[str]) -> bool:
    """Whether it stands word for word in one of these squeezed texts."""
    # A bare identifier stands in its page, or it could not be asked for; a follow-up means nothing alone.
    if one.history or len(one.question.split()) < 4:
        return False
    wanted = squeezed(one.question).rstrip("?.")
    return any(wanted in text for text in texts)


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob("*.jsonl"))
        elif path.is_file():
            found.append(path)
        else:
            raise InvalidInput(f"there is no set {path}", field="set")
    return found


def _turn(row: Any) -> Turn:
    if row["role"] not in {"user", "assistant"}:
        raise ValueError("a turn's role is user or assistant")
    return Turn(row["role"], str(row["content"]))


def _texts(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = row.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} is a list of strings")
    return tuple(values)
