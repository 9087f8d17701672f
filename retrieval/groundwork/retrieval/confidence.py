"""Whether the passages answer the question at all: one calibrated number, decided in code.

A logistic regression on five features that mean the same in every corpus: how near the best passage and the best
unit are, how much of the question's idf mass the best passages hold (words that the corpus has never seen
weigh the most), and the question's length. Fitted by `make bench BENCH=citations` on half of the labelled questions
against off-topic ones; docs/decisions/abstention.md has the curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from groundwork.retrieval.index.base import SparseVector
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.sparse import term_id, terms

VERSION = "confidence-2"
THRESHOLD = 0.5

INTERCEPT = -11.3
WEIGHTS = {
    "best_cosine": 6.8,
    "best_unit": 4.9,
    "top_coverage": 4.2,
    "top3_coverage": 1.0,
    "length": 1.8,
}


def features(
    question: SparseVector, passages: Sequence[Passage], lexicon: Lexicon
) -> dict[str, float]:
    """What the decision looks at. `passages` are ranked and all of them, not only those shown."""
    held = [
        {term_id(term) for term in terms(passage.chunk.lexical_text)} for passage in passages[:3]
    ]
    mass = {term: lexicon.idf(term) for term in question.indices}
    return {
        "best_cosine": max((passage.dense for passage in passages), default=0.0),
        "best_unit": max((max(each.unit_scores, default=0.0) for each in passages), default=0.0),
        "top_coverage": _coverage(mass, held[:1]),
        "top3_coverage": _coverage(mass, held),
        "length": math.log1p(len(mass)),
    }


def _coverage(mass: dict[int, float], held: Sequence[set[int]]) -> float:
    """The share of the question's idf mass whose terms some of the texts hold."""
    total = sum(mass.values())
    found = sum(weight for term, weight in mass.items() if any(term in text for text in held))
    return found / total if total else 0.0


def confidence(values: dict[str, float]) -> float:
    """Between 0 and 1; at `THRESHOLD` 95 % of the labelled answerable questions are answered."""
    logit = INTERCEPT + sum(weight * values[name] for name, weight in WEIGHTS.items())
    return 1.0 / (1.0 + math.exp(-logit))
