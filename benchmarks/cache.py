"""How often the semantic cache gives the answer to another question, and how often it finds a paraphrase."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.data import QUESTIONS, SHARED, Labelled, read_jsonl
from benchmarks.intervals import share, wilson
from groundwork.core.answers import Answer, Usage
from groundwork.core.settings import CacheSettings, Settings
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.serving.cache import THRESHOLD, AnswerCache, CacheKey
from groundwork.serving.cache_guards import conflict, signature

HALVES = ("fit", "held-out")
THRESHOLDS = (0.80, 0.84, 0.86, 0.88, 0.90, 0.92, 0.95)
_SAME_TIME = 32


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions, whether one answer serves both, how near their vectors are and what a guard says."""

    a: str
    b: str
    same: bool
    similarity: float
    objection: str | None

    @property
    def half(self) -> str:
        """As for other labelled questions."""
        return Labelled(self.a + self.b, frozenset()).half

    def hits(self, threshold: float, *, guarded: bool = True) -> bool:
        """Whether the cache would take one for the other."""
        return self.similarity >= threshold and not (guarded and self.objection)


def main(settings: Settings) -> None:
    """Print the tables."""
    embedder = create_embedder(settings)

    def pair(a: str, b: str, same: bool) -> Pair:
        one, two = embedder.embed([a])[0], embedder.embed([b])[0]
        return Pair(a, b, same, float(one @ two), conflict(signature(a), signature(b)))

    written = [
        pair(row["a"], row["b"], row["same"]) for row in read_jsonl(QUESTIONS / "near_pairs.jsonl")
    ]
    sets = {f"documentation, {half}": [p for p in written if p.half == half] for half in HALVES}
    if (SHARED / "qa" / "xquad-en").is_dir():
        neighbours = _neighbours(embedder)
        sets |= {f"xquad, {half}": [p for p in neighbours if p.half == half] for half in HALVES}
    print("| set | threshold | guards | paraphrases that hit | near misses that hit |")
    print("|---|---|---|---|---|")
    for name, pairs in sets.items():
        for threshold in sorted({*THRESHOLDS, THRESHOLD}):
            _row(name, pairs, threshold, guarded=True)
        _row(name, pairs, THRESHOLD, guarded=False)
    missed = [p for pairs in sets.values() for p in pairs if not p.same]
    false = sum(p.hits(THRESHOLD) for p in missed)
    low, high = wilson(false, len(missed))
    print(
        f"\nAll near misses at {THRESHOLD}: {false} of {len(missed)} hit, {100 * false / len(missed):.2f} % "
        f"({100 * low:.2f}–{100 * high:.2f})."
    )
    _speed(embedder)


def _row(name: str, pairs: Sequence[Pair], threshold: float, *, guarded: bool) -> None:
    cells = []
    for same in (True, False):
        chosen = [pair.hits(threshold, guarded=guarded) for pair in pairs if pair.same == same]
        cells.append(f"{share(chosen)} of {len(chosen)}" if chosen else "")
    mark = " (in force)" if threshold == THRESHOLD and guarded else ""
    print(
        f"| {name} | {threshold:.2f}{mark} | {'yes' if guarded else 'no'} | {' | '.join(cells)} |"
    )


def _neighbours(embedder: Any) -> list[Pair]:
    """For each question of xquad the nearest one with another answer."""
    rows = read_jsonl(SHARED / "qa" / "xquad-en" / "queries.jsonl")
    texts = [row["text"] for row in rows]
    answers = [{_plain(text) for text in row["answers"]} for row in rows]
    vectors = np.stack([embedder.embed([text])[0] for text in texts])
    near = vectors @ vectors.T
    pairs = []
    for n, text in enumerate(texts):
        for other in np.argsort(-near[n])[:20]:
            if other != n and not _overlap(answers[n], answers[other]):
                found = texts[int(other)]
                objection = conflict(signature(text), signature(found))
                pairs.append(Pair(text, found, False, float(near[n, other]), objection))
                break
    return pairs


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _overlap(a: set[str], b: set[str]) -> bool:
    """Whether one answer is, or holds, the other."""
    return any(f" {x} " in f" {y} " or f" {y} " in f" {x} " for x in a for y in b)


def _speed(embedder: Any) -> None:
    print("\n| entries | what | p50 ms |")
    print("|---|---|---|")
    rng = np.random.default_rng(0)

    class Fast:
        """Random vectors: the search is what is measured."""

        def embed(self, texts: Sequence[str]) -> Any:
            made = rng.standard_normal((len(texts), embedder.dimension)).astype(np.float32)
            return made / np.linalg.norm(made, axis=1, keepdims=True)

        def count_tokens(self, text: str) -> int:
            return len(text.split())

    for entries in (1_000, 10_000):
        cache = AnswerCache(
            CacheSettings(mode="semantic", max_entries=entries),
            Fast(),  # type: ignore[arg-type]  # only what the cache asks of it
        )
        for n in range(entries):
            cache.keep(_KEY, f"question {n}", _answer(n))
        for name, text in (("exact hit", "question 7"), ("semantic miss, without embedding", "no")):
            taken = []
            for _ in range(50):
                began = time.perf_counter()
                cache.find(_KEY, text)
                taken.append(time.perf_counter() - began)
            print(f"| {entries:,} | {name} | {1000 * float(np.median(taken)):.3f} |")


_KEY = CacheKey("rel-1", "docs", "v1")


def _answer(n: int) -> Answer:
    return Answer(
        id=f"ans-{n}",
        created_at="2026-11-23T10:15:00.000Z",
        question="How?",
        index="docs",
        release="rel-1",
        index_version="v1",
        model="extractive",
        answer="So.",
        outcome="answered",
        reason=None,
        confidence=0.9,
        citations=(),
        usage=Usage(),
        charges=(),
        rails=(),
        timings_ms={},
        trace_id="0" * 32,
    )
