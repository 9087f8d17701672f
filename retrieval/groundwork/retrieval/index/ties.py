"""Rankings whose order does not depend on how an engine lays out its segments.

Scores tie often (duplicated passages), and an engine cuts a ranking anywhere within a tie. Every engine therefore
ranks by score, then by id, over all points that share the score at the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from groundwork.retrieval.index.base import Candidate

Scores = dict[str, float]
# How far past the cut to look at first, and how much further each time that a tie goes on.
_MARGIN = 16
_WIDEN = 4


def settled(ask: Callable[[Sequence[int]], Sequence[Scores]], limit: int) -> list[Scores]:
    """The `limit` best of two rankings. `ask` takes how many of each are wanted; 0 is none."""
    sizes = [limit + _MARGIN] * 2
    answers: list[Scores] = [{}, {}]
    while any(sizes):
        for number, scores in enumerate(ask(sizes)):
            if sizes[number]:
                answers[number] = scores
        sizes = [
            size * _WIDEN if size and _cut_within_tie(scores, limit, size) else 0
            for scores, size in zip(answers, sizes, strict=True)
        ]
    return [best(scores, limit) for scores in answers]


def best(scores: Scores, limit: int) -> Scores:
    """The highest scores; equal ones by id."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:limit])


def merged(dense: Scores, sparse: Scores) -> list[Candidate]:
    """Both rankings together, sorted by id; a missing BM25 score is 0: no term in common."""
    return [
        Candidate(point, dense.get(point, 0.0), sparse.get(point, 0.0))
        for point in sorted(dense.keys() | sparse.keys())
    ]


def _cut_within_tie(scores: Scores, limit: int, asked: int) -> bool:
    if len(scores) < asked:
        return False
    ranked = sorted(scores.values(), reverse=True)
    return ranked[limit - 1] == ranked[-1]
