"""Was the source found? By place (`page#anchor`), best passage first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from groundwork.evals.golden import MULTI_PAGE, Example
from groundwork.evals.rows import Row

# As many as an answer reads.
K = 8


def score(example: Example, row: Row, places: Collection[str]) -> Mapping[str, float | None]:
    """`places` are all places that the index holds.

    A multi-page question needs all of its gold; of other questions' gold one place is enough.
    """
    gold = example.gold
    if not gold or not example.answerable:
        return dict.fromkeys(
            ("source_in_index", "context_recall", "context_precision", "reciprocal_rank")
        )
    ranked = distinct([found.place for found in row.retrieved])[:K]
    wanted = len(gold) if example.category == MULTI_PAGE else 1
    return {
        "source_in_index": _share_of(sum(place in places for place in gold), wanted),
        "context_recall": _share_of(sum(place in ranked for place in gold), wanted),
        "context_precision": average_precision(ranked, gold, wanted),
        "reciprocal_rank": next(
            (1 / rank for rank, place in enumerate(ranked, 1) if place in gold), 0.0
        ),
    }


def average_precision(ranked: Sequence[str], gold: Collection[str], wanted: int) -> float:
    """The mean of the precision at the rank of each of the first `wanted` hits; a hit that is missing counts 0."""
    hits, total = 0, 0.0
    for rank, place in enumerate(ranked, 1):
        if place in gold and hits < wanted:
            hits += 1
            total += hits / rank
    return total / wanted


def distinct(places: Sequence[str]) -> list[str]:
    """Each place once, where it stands first: a section may be cut into several passages."""
    return list(dict.fromkeys(places))


def _share_of(hits: int, wanted: int) -> float:
    return min(1.0, hits / wanted)
