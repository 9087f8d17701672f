"""Whether the passages answer the question at all: one calibrated number, decided in code."""

from __future__ import annotations

import math
from collections.abc import Sequence

from groundwork.retrieval.index.base import SparseVector
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.passages import Passage

VERSION = "confidence-1"
# Answers 95 % of the labelled answerable questions; docs/decisions/abstention.md.
THRESHOLD = 0.5

_BIAS = -9.0
_WEIGHTS = {"dense": 12.0, "units": 4.0, "sparse": 4.0, "unknown": -3.0}


def features(
    terms: SparseVector, passages: Sequence[Passage], lexicon: Lexicon
) -> dict[str, float]:
    """What the decision looks at, each between 0 and 1 or a cosine."""
    top = passages[:3]
    mass = lexicon.mass(terms.indices)
    unknown = sum(lexicon.idf(term) for term in terms.indices if lexicon.frequency(term) == 0)
    return {
        "dense": max((passage.dense for passage in top), default=0.0),
        "units": max((max(passage.unit_scores, default=0.0) for passage in top), default=0.0),
        "sparse": max((passage.sparse for passage in top), default=0.0),
        "unknown": unknown / mass if mass else 0.0,
    }


def confidence(values: dict[str, float]) -> float:
    """Logistic in the features."""
    logit = _BIAS + sum(weight * values[name] for name, weight in _WEIGHTS.items())
    return 1.0 / (1.0 + math.exp(-logit))
