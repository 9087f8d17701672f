"""Retrieval quality: dense, BM25 and the hybrid on the same candidates, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.data import SETS, Labelled
from benchmarks.setup import open_retriever, prepare_sets
from groundwork.core.settings import Settings
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.retrieve import Retriever

METRICS = ("hit@1", "hit@5", "MRR@10", "nDCG@10")
ORDERS: dict[str, Callable[[Passage], float]] = {
    "dense": lambda passage: passage.dense,
    "BM25": lambda passage: passage.sparse,
    "hybrid": lambda passage: passage.score,
}
_RESAMPLES = 2000


def ranks(labelled: Labelled, passages: Iterable[Passage]) -> float:
    """The place of the first gold section, counting each section once; infinity where it is absent."""
    seen: set[tuple[str, str]] = set()
    for passage in passages:
        chunk = passage.chunk
        if labelled.hit(chunk.page, chunk.anchor):
            return len(seen) + 1.0
        whole_page = any(anchor is None for _, anchor in labelled.gold)
        seen.add((chunk.page, "" if whole_page else chunk.anchor))
    return float("inf")


def scores(places: Sequence[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One row a question: the four metrics. One gold place a question makes nDCG 1 / log2(place + 1)."""
    place = np.array(places)
    near = place <= 10
    return np.stack(
        [
            place <= 1,
            place <= 5,
            np.where(near, 1 / place, 0.0),
            np.where(near, 1 / np.log2(np.where(near, place, 1) + 1), 0.0),
        ],
        axis=1,
    ).astype(float)


def interval(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> list[tuple[float, float, float]]:
    """Mean and its 95 % bootstrap interval, a metric each."""
    draw = np.random.default_rng(0).integers(0, len(rows), (_RESAMPLES, len(rows)))
    means = rows[draw].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return list(zip(rows.mean(axis=0), low, high, strict=True))


def places(
    retriever: Retriever, index: str, questions: Sequence[Labelled]
) -> dict[str, list[float]]:
    """Where each order puts the gold section."""
    found: dict[str, list[float]] = {name: [] for name in ORDERS}
    for labelled in questions:
        passages = retriever.retrieve(labelled.text, index, limit=200).passages
        for name, key in ORDERS.items():
            ordered = sorted(passages, key=lambda passage: (-key(passage), passage.chunk.id))
            found[name].append(ranks(labelled, ordered))
    return found


def main(settings: Settings) -> None:
    """Print a Markdown table."""
    questions = prepare_sets(settings)
    print("| set | half | order | n | " + " | ".join(METRICS) + " |")
    print("|---|---|---|---|" + "---|" * len(METRICS))
    pooled: dict[str, list[float]] = {name: [] for name in ORDERS}
    with open_retriever(settings) as retriever:
        for chosen in SETS:
            labelled = questions[chosen.name]
            found = places(retriever, chosen.index, labelled)
            for half in ("fit", "held-out", "all"):
                rows = [n for n, each in enumerate(labelled) if half in {"all", each.half}]
                for name, all_places in found.items():
                    _row(chosen.name, half, name, [all_places[n] for n in rows])
            for name, all_places in found.items():
                pooled[name].append(float(scores(all_places)[:, 3].mean()))
    means = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in pooled.items())
    print(f"\nMean nDCG@10 over the sets: {means}")


def _row(name: str, half: str, order: str, found: Sequence[float]) -> None:
    cells = [
        f"{100 * mean:.1f} ({100 * low:.1f}–{100 * high:.1f})"
        for mean, low, high in interval(scores(found))
    ]
    print(f"| {name} | {half} | {order} | {len(found)} | " + " | ".join(cells) + " |")
