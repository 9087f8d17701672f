"""Does the tier of a question come out as a person would set it? Large: the answer has to be put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from benchmarks.data import QUESTIONS, ROOT, Labelled, read_jsonl
from benchmarks.intervals import share
from benchmarks.setup import ingest_folder, open_retriever
from groundwork.core.settings import Settings
from groundwork.serving.generate.tier import Judged, judge

_INDEX = "docs"
TIERS = ("small", "large")


@dataclass(frozen=True, slots=True)
class Tiered:
    """A question with the tier that a person gave it."""

    question: str
    tier: str

    @property
    def half(self) -> str:
        """As for other labelled questions."""
        return Labelled(self.question, frozenset()).half


def labelled() -> list[Tiered]:
    """The set."""
    return [Tiered(row["question"], row["tier"]) for row in read_jsonl(QUESTIONS / "tiers.jsonl")]


def main(settings: Settings) -> None:
    """Print accuracy, confusion, and what the signs say."""
    ingest_folder(settings, ROOT / "docs", _INDEX)
    questions = labelled()
    with open_retriever(settings) as retriever:
        judged = {
            each: judge(each.question, retriever.retrieve(each.question, _INDEX))
            for each in questions
        }
    words = {each: judge(each.question) for each in questions}
    print("| half | judged by | n | accuracy | small as large | large as small |")
    print("|---|---|---|---|---|---|")
    for half in ("fit", "held-out", "all"):
        chosen = [each for each in questions if half in {"all", each.half}]
        _row(half, "words and passages", chosen, judged)
        _row(half, "words alone", chosen, words)
    signs = Counter(
        (sign if not sign.startswith("passages") else "passages on several pages", each.tier)
        for each, found in judged.items()
        for sign in found.reasons
    )
    print("\n| sign | small questions | large questions |")
    print("|---|---|---|")
    for sign in sorted({name for name, _ in signs}):
        print(f"| {sign} | {signs[sign, 'small']} | {signs[sign, 'large']} |")


def _row(half: str, name: str, chosen: list[Tiered], judged: dict[Tiered, Judged]) -> None:
    right = [judged[each].tier == each.tier for each in chosen]
    wrong = {
        tier: (
            sum(judged[each].tier != tier for each in chosen if each.tier == tier),
            sum(each.tier == tier for each in chosen),
        )
        for tier in TIERS
    }
    cells = " | ".join(f"{count} of {of}" for count, of in wrong.values())
    print(f"| {half} | {name} | {len(chosen)} | {share(right)} | {cells} |")
