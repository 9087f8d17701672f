"""Follow-up questions: does the gold section come back, and do standalone questions stay as they are?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import QUESTIONS, ROOT, SETS, Labelled, far_off, read_jsonl
from benchmarks.intervals import share
from benchmarks.setup import ingest_folder, open_retriever
from groundwork.core.answers import Turn
from groundwork.core.settings import Settings
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.conversation import by_words

_INDEX = "docs"
HALVES = ("fit", "held-out")
_BEFORE = Turn("user", "How do I roll back an index version?")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A question with those before it, its standalone form, and the sections (page#Heading) that answer it."""

    earlier: tuple[Turn, ...]
    question: str
    standalone: str
    follow_up: bool
    gold: frozenset[str]

    @property
    def half(self) -> str:
        """As for other labelled questions."""
        return Labelled(self.question + self.standalone, frozenset()).half


def dialogues() -> list[Dialogue]:
    """The labelled set."""
    return [_dialogue(row) for row in read_jsonl(QUESTIONS / "followups.jsonl")]


def _dialogue(row: dict[str, Any]) -> Dialogue:
    return Dialogue(
        tuple(Turn("user", text) for text in row["earlier"]),
        row["question"],
        row["standalone"],
        row["follow_up"],
        frozenset(row["gold"]),
    )


FORMS: dict[str, Callable[[Dialogue], str]] = {
    "as asked": lambda each: each.question,
    "by words": lambda each: by_words(each.question, each.earlier).question,
    "all before it": lambda each: " ".join([*(t.content for t in each.earlier), each.question]),
    "gold rewrite": lambda each: each.standalone,
}


def main(settings: Settings) -> None:
    """Print both tables."""
    ingest_folder(settings, ROOT / "docs", _INDEX)
    labelled = dialogues()
    with open_retriever(settings) as retriever:
        print("| half | follow-ups | question | section hit@5 | section hit@1 | answered |")
        print("|---|---|---|---|---|---|")
        for half in HALVES:
            chosen = [each for each in labelled if each.follow_up and each.half == half]
            for name, form in FORMS.items():
                found = [_found(retriever, form(each), each.gold) for each in chosen]
                cells = " | ".join(share(column) for column in zip(*found, strict=True))
                print(f"| {half} | {len(chosen)} | {name} | {cells} |")
    print("\n| set | questions | taken for what they are |")
    print("|---|---|---|")
    for half in HALVES:
        for follow_up in (True, False):
            chosen = [each for each in labelled if (each.follow_up, each.half) == (follow_up, half)]
            right = [
                (by_words(each.question, each.earlier).by == "heuristic") == follow_up
                for each in chosen
            ]
            kind = "follow-ups" if follow_up else "standalone"
            print(f"| dialogues, {kind}, {half} | {len(chosen)} | {share(right)} |")
    for half in HALVES:
        for name, questions in _first_questions().items():
            texts = [each.text for each in questions if each.half == half]
            right = [by_words(text, [_BEFORE]).by == "none" for text in texts]
            print(f"| {name}, standalone, {half} | {len(texts)} | {share(right)} |")


def _found(retriever: Retriever, text: str, gold: Iterable[str]) -> tuple[bool, bool, bool]:
    found = retriever.retrieve(text, _INDEX)
    sections = list(
        dict.fromkeys(
            f"{chunk.page}#{(chunk.title, *chunk.heading_path)[-1]}"
            for chunk in (passage.chunk for passage in found.passages)
        )
    )
    wanted = set(gold)
    return bool(wanted & set(sections[:5])), bool(wanted & set(sections[:1])), found.answerable


def _first_questions() -> dict[str, list[Labelled]]:
    """Questions that were asked with nothing before them."""
    found = {"far-off": [Labelled(text, frozenset()) for text in far_off()]}
    for chosen in SETS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[chosen.name] = chosen.prepare(Path(folder) / chosen.name)
            except FileNotFoundError:
                print(f"| {chosen.name}: its data is not here | | |")
    return found
