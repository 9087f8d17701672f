"""The order of candidates: dense and BM25 scores and the best unit, on scales that compare across questions.

    score = cosine + w * bm25 / (2.2 * idf mass of the question) + 0.5 * best unit cosine

where w is 0.6 for prose and 1.0 for a question that holds an identifier. BM25 over the most it could be for this question is a share between 0 and 1: a rare identifier that a passage
holds weighs the more, the more of the question it is, which is what makes one formula fit prose and code.
The weights were fitted on half of the labelled questions and checked on the other half and on left-out sets:
docs/decisions/retrieval.md, `make bench BENCH=quality`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundwork.retrieval.embed.base import UNIT_SCALE
from groundwork.retrieval.index.base import Candidate, SparseVector, Stored
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.sparse import MAX_WEIGHT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROSE_WEIGHT = 0.6
IDENTIFIER_WEIGHT = 1.0
UNIT_WEIGHT = 0.5
VERSION = "rank-2"

# pkg.func, snake_case, call(), --flag, camelCase.
_IDENTIFIER = re.compile(r"\w(?:[._]|::)\w|\w\(\)|--\w|[a-z][A-Z]")


def lexical_weight(question: str) -> float:
    """How much the words themselves count: more where one of them is a name out of code."""
    return IDENTIFIER_WEIGHT if _IDENTIFIER.search(question) else PROSE_WEIGHT


def rank(
    vector: NDArray[np.float32],
    weight: float,
    terms: SparseVector,
    candidates: Sequence[Candidate],
    stored: Sequence[Stored],
    lexicon: Lexicon,
) -> list[Passage]:
    """Best first; equal scores by id.

    `vector` is the question's, `weight` its `lexical_weight`; `stored` are the candidates' chunks, in any
    order.
    """
    most = _highest(terms, lexicon)
    by_id = {candidate.id: candidate for candidate in candidates}
    passages = []
    for found in stored:
        candidate = by_id[found.chunk.id]
        units = unit_scores(vector, found.units)
        share = candidate.sparse / most
        score = candidate.dense + weight * share + UNIT_WEIGHT * max(units, default=0.0)
        passages.append(Passage(found.chunk, score, candidate.dense, share, units, found.units))
    return sorted(passages, key=lambda passage: (-passage.score, passage.chunk.id))


def shortlist(
    weight: float,
    terms: SparseVector,
    candidates: Sequence[Candidate],
    lexicon: Lexicon,
    size: int,
) -> list[Candidate]:
    """The candidates worth reading, by the two scores that the engine gave."""
    most = _highest(terms, lexicon)
    ordered = sorted(
        candidates, key=lambda each: (-(each.dense + weight * each.sparse / most), each.id)
    )
    return ordered[:size]


def _highest(terms: SparseVector, lexicon: Lexicon) -> float:
    """The highest BM25 score that any text could reach for these terms."""
    return MAX_WEIGHT * lexicon.mass(terms.indices) or 1.0


def unit_scores(question: NDArray[np.float32], units: NDArray[np.int8] | None) -> tuple[float, ...]:
    """The cosine of the question with each unit; empty where the embedder gave no unit vectors."""
    if units is None:
        return ()
    scores = units.astype(question.dtype) @ question / UNIT_SCALE
    return tuple(float(score) for score in scores)


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Without passages that say the same as a better one, word for word."""
    seen: set[str] = set()
    kept = []
    for passage in passages:
        text = " ".join(passage.chunk.text.split())
        if text not in seen:
            seen.add(text)
            kept.append(passage)
    return kept
