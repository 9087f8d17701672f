"""The rails on personal data and keys, on harmless questions, and on the clock."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import QUESTIONS, ROOT, SHARED, read_jsonl
from benchmarks.pii_made import MAKERS, held_out, made
from groundwork.cli.compose import open_guard
from groundwork.core.documents import Chunk
from groundwork.core.settings import Settings
from groundwork.guardrails.detect.patterns import scan
from groundwork.guardrails.detect.pem import private_keys
from groundwork.guardrails.detect.personal import KINDS, personal_patterns
from groundwork.guardrails.detect.secrets import SECRETS
from groundwork.guardrails.guard import Guard
from groundwork.retrieval.passages import Passage

PII = SHARED / "pii" / "generated_small.json"
_ENTITIES = {
    "EMAIL_ADDRESS": "e-mail address",
    "CREDIT_CARD": "card number",
    "IP_ADDRESS": "IP address",
    "US_SSN": "social security number",
    "PHONE_NUMBER": "phone number",
}
_SEED, _EACH = 2026, 400


@dataclass(slots=True)
class Counts:
    """What was there and found, what was there and missed, what was found and not there."""

    found: int = 0
    missed: int = 0
    wrong: int = 0

    def row(self, *names: str) -> str:
        """One line of a table, with Wilson's 95 % intervals."""
        recall = wilson(self.found, self.found + self.missed)
        precision = wilson(self.found, self.found + self.wrong)
        cells = [*names, str(self.found + self.missed), recall, precision]
        return "| " + " | ".join(cells) + " |"


def wilson(hits: int, n: int) -> str:
    """A share with Wilson's 95 % interval."""
    if n == 0:
        return "–"
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{share:.3f} ({max(0.0, middle - half):.3f}–{min(1.0, middle + half):.3f})"


def detected(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of all that the two rails find; keys of all kinds are "key"."""
    personal = scan(personal_patterns(KINDS, ("US", "GB")), text)
    secret = [("key", start, end) for _, start, end in scan(SECRETS, text)]
    keys = [("key", each.start, each.end) for each in private_keys(text, final=True)]
    return [*personal, *secret, *keys]


def overlaps(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans share a code point."""
    return one[0] < other[1] and other[0] < one[1]


def generated() -> None:
    """Values with right check digits in held-out contexts, among look-alikes."""
    counts = {entity: Counts() for entity in MAKERS}
    kinds = {entity: "key" if entity in {"key", "named secret"} else entity for entity in MAKERS}
    for each in made(_SEED, _EACH, held=True):
        found = detected(each.text)
        start = each.text.find(each.value) if each.entity else -1
        if each.entity is not None:
            # A named secret counts as found if its value is; the name may stay.
            inside = (start + len(each.value) - 8, start + len(each.value))
            hit = any(
                kind == kinds[each.entity] and overlaps((a, b), inside) and b >= inside[1]
                for kind, a, b in found
            )
            counts[each.entity].found += hit
            counts[each.entity].missed += not hit
        span = (start, start + len(each.value))
        for kind, a, b in found:
            right = (
                each.entity is not None and kind == kinds[each.entity] and overlaps((a, b), span)
            )
            if not right:
                entity = each.entity if kind == "key" and each.entity in kinds else kind
                entity = "named secret" if kind == "key" and entity not in counts else entity
                if entity in counts:
                    counts[entity].wrong += 1
    print(f"\nMade values (seed {_SEED}, held-out contexts, as many look-alikes as values):\n")
    print("| entity | n | recall | precision |\n|---|---|---|---|")
    total = Counts()
    for entity, count in counts.items():
        print(count.row(entity))
        total.found += count.found
        total.missed += count.missed
        total.wrong += count.wrong
    print(total.row("all"))


def published() -> None:
    """The published sentences, by entity and half."""
    if not PII.exists():
        print(f"\nskipped: {PII.name} is not there")
        return
    rows = json.loads(PII.read_text())
    print("\npii/generated_small.json:\n")
    print("| entity | half | n | recall | precision |\n|---|---|---|---|---|")
    for entity, kind in _ENTITIES.items():
        for half in ("fit", "held-out"):
            count = Counts()
            for row in rows:
                if held_out(row["masked"]) is (half == "held-out"):
                    _count(row, entity, kind, count)
            print(count.row(entity, half))
    others = sorted({s["entity_type"] for row in rows for s in row["spans"]} - set(_ENTITIES))
    print(f"\nNot looked for: {', '.join(others)}.")


def _count(row: dict[str, object], entity: str, kind: str, count: Counts) -> None:
    spans = [
        (span["start_position"], span["end_position"])
        for span in row["spans"]  # type: ignore[attr-defined]
        if span["entity_type"] == entity
    ]
    found = [(a, b) for name, a, b in detected(str(row["full_text"])) if name == kind]
    for span in spans:
        hit = any(a <= span[0] and b >= span[1] for a, b in found)
        count.found += hit
        count.missed += not hit
    count.wrong += sum(not any(overlaps(each, span) for span in spans) for each in found)


def harmless_questions() -> list[str]:
    """Questions of developers that no rail should stop."""
    benign = QUESTIONS / "benign_dev.jsonl"
    names = (
        [benign]
        if benign.exists()
        else [QUESTIONS / "answerable_kubeflow.jsonl", QUESTIONS / "far_off.jsonl"]
    )
    return [row["question"] for name in names for row in read_jsonl(name)]


def harmless(guard: Guard, questions: Sequence[str]) -> None:
    """How many harmless questions are stopped or changed, and by which rail."""
    session = guard.begin("docs")
    stopped: dict[str, int] = {}
    changed = 0
    for question in questions:
        outcome = session.check_input(question)
        if outcome.stopped:
            stopped[str(outcome.rail)] = stopped.get(str(outcome.rail), 0) + 1
        changed += not outcome.stopped and outcome.text != question
    by = ", ".join(f"{rail} {n}" for rail, n in sorted(stopped.items())) or "none"
    count = sum(stopped.values())
    print(
        f"\nHarmless questions stopped: {count} of {len(questions)}: {wilson(count, len(questions))}; by rail: {by}."
    )
    print(f"Harmless questions redacted: {changed} of {len(questions)}.")


def timings(guard: Guard, questions: Iterable[str]) -> None:
    """Milliseconds of each rail and of all together: a question, eight passages, an answer in tokens of four letters."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    passages = [passage for page in pages for passage in _passages(page)]
    first: list[float] = []
    for n in range(0, len(passages), 8):
        # The service lets the rails read an index before anybody asks (serving/acquaint.py); this is what that takes.
        begun = time.perf_counter()
        guard.begin("docs").check_passages(passages[n : n + 8])
        first.append((time.perf_counter() - begun) * 1000 / len(passages[n : n + 8]))
    spent: dict[str, list[float]] = {}
    total: list[float] = []
    for n, question in enumerate(questions):
        session = guard.begin("docs")
        chosen = [passages[(n * 8 + k) % len(passages)] for k in range(8)]
        said = " ".join(each.chunk.text[:250] for each in chosen[:3])
        begun = time.perf_counter()
        verdicts = [*session.check_input(question).verdicts]
        kept = session.check_passages(chosen)
        window = session.output(kept.passages)
        for place in range(0, len(said), 4):
            window.feed(said[place : place + 4])
        window.finish()
        total.append((time.perf_counter() - begun) * 1000)
        for each in (*verdicts, *kept.verdicts, *window.verdicts()):
            spent.setdefault(f"{each.rail} ({each.on})", []).append(each.ms)
    print("\n| rail | p50 ms | p95 ms |\n|---|---|---|")
    beforehand = ("a passage read for the first time, all rails", first)
    for name, values in (*spent.items(), ("**all together**", total), beforehand):
        low, high = np.percentile(values, (50, 95))
        print(f"| {name} | {low:.2f} | {high:.2f} |")


def _passages(page: Path) -> list[Passage]:
    text = page.read_text()
    starts = range(0, len(text), 1200)
    return [
        Passage(
            Chunk(
                id=f"{page.name}{start}", page=page.name, ordinal=0, title=page.stem, url=None, anchor="",
                heading_path=(page.stem,), revision="r", start=start, end=start + 1200, text=text[start : start + 1200],
                embedding_text="", digest=f"{page.name}{start}", units=(),
            ),
            score=1.0, dense=0.6, sparse=1.0,
        )
        for start in starts
    ]  # fmt: skip


def main(settings: Settings) -> None:
    """Print the tables."""
    generated()
    published()
    with open_guard(settings) as guard:
        guard.warm()
        questions = harmless_questions()
        harmless(guard, questions)
        timings(guard, questions[:200])
