"""How well a passage supports a sentence that claims to rest on it: one number, 0 to 1, and a reason.

A logistic regression on the best unit's cosine with the claim and on the share of the claim's terms that the passage and its
best unit hold; before it, rules that no similarity overrides: numbers, versions and identifiers of the claim stand
in the passage, and what the claim denies the passage denies. Fitted and measured by `make bench BENCH=support`;
docs/decisions/support.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from groundwork.core.documents import Chunk
from groundwork.retrieval import claims
from groundwork.retrieval.embed.base import UNIT_SCALE
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.sparse import term_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = "support-1"
# On the sentences that the weights were not fitted on: docs/decisions/support.md has the curve.
THRESHOLD = 0.7

Reason = Literal["supported", "weak", "number", "identifier", "negation", "nothing"]

INTERCEPT = -4.5
# The cosine's weight is set, the others fitted beside it: passages that share a run of words with a sentence were
# left out of the sentences' counter-examples, so a free fit would give words all the weight.
WEIGHTS = {"cosine": 2.0, "passage": 3.5, "unit": 3.9}
# Without unit vectors: words alone.
LEXICAL_INTERCEPT = -3.9
LEXICAL_WEIGHTS = {"passage": 4.1, "unit": 4.1}


@dataclass(frozen=True, slots=True)
class Support:
    """`score` is 0 where a rule was broken; `reason` names it. `start`, `end` is the unit that supports best, as offsets
    into the page's text.
    """

    score: float
    reason: Reason
    start: int
    end: int


def support(
    claim: str,
    vector: NDArray[np.float32] | None,
    passage: Passage,
    idf: Callable[[int], float] | None = None,
) -> Support:
    """How well `passage` supports `claim`.

    `vector` is the claim's embedding, (dimension,), L2-normalised; without it, or without unit vectors in the
    passage, words alone decide. `idf` weighs a term id; all terms weigh the same without it. Pure: same input,
    same output.
    """
    values, unit = features(claim, vector, passage, idf)
    return _judged(claim, passage.chunk, values, unit)


def support_by_words(claim: str, passage: Passage) -> Support:
    """What the support is at least, without an embedding: as if the sentence were like no unit of the passage."""
    values, unit = features(claim, None, passage)
    if passage.units is not None:
        values["cosine"] = 0.0
    return _judged(claim, passage.chunk, values, unit)


def _judged(claim: str, chunk: Chunk, values: dict[str, float], unit: int) -> Support:
    chosen = chunk.units[unit] if chunk.units else None
    start, end = (chosen.start, chosen.end) if chosen else (chunk.start, chunk.end)
    broken = broken_rule(claim, chunk, unit)
    if broken is not None:
        return Support(0.0, broken, start, end)
    score = combine(values)
    return Support(score, "supported" if score >= THRESHOLD else "weak", start, end)


def combine(values: dict[str, float]) -> float:
    """The regression on what `features` gives."""
    weights, intercept = WEIGHTS, INTERCEPT
    if "cosine" not in values:
        weights, intercept = LEXICAL_WEIGHTS, LEXICAL_INTERCEPT
    logit = intercept + sum(weight * values[name] for name, weight in weights.items())
    return 1.0 / (1.0 + math.exp(-logit))


def features(
    claim: str,
    vector: NDArray[np.float32] | None,
    passage: Passage,
    idf: Callable[[int], float] | None = None,
) -> tuple[dict[str, float], int]:
    """What the decision looks at, and the number of the unit that supports best."""
    chunk = passage.chunk
    mass = {term: idf(term_id(term)) if idf else 1.0 for term in claims.content(claim)}
    units = [_share(mass, claims.content(chunk.plain(unit))) for unit in chunk.units]
    values = {
        "passage": _share(mass, claims.content(chunk.lexical_text)),
        "unit": max(units, default=0.0),
    }
    cosines = _cosines(vector, passage)
    if cosines:
        values["cosine"] = max(cosines)
    order = [
        share + cosine for share, cosine in zip(units, cosines or [0.0] * len(units), strict=True)
    ]
    best = max(range(len(order)), key=lambda n: (order[n], -n), default=0)
    return values, best


def _cosines(vector: NDArray[np.float32] | None, passage: Passage) -> Sequence[float]:
    if vector is None or passage.units is None or len(passage.units) != len(passage.chunk.units):
        return ()
    scores = passage.units.astype(vector.dtype) @ vector / UNIT_SCALE
    return [float(score) for score in scores]


def _share(mass: dict[str, float], held: frozenset[str]) -> float:
    total = sum(mass.values())
    return sum(weight for term, weight in mass.items() if term in held) / total if total else 0.0


def broken_rule(claim: str, chunk: Chunk, unit: int) -> Reason | None:
    """The rule that the claim breaks, whatever the similarity. `unit` is the one that supports best."""
    if not claims.content(claim):
        return "nothing"
    said = literal_text(chunk)
    if not claims.numbers(claim) <= claims.all_numbers(said):
        return "number"
    if not all(claims.holds(said, name) for name in claims.identifiers(claim)):
        return "identifier"
    if _contradicts(claim, chunk, unit):
        return "negation"
    return None


def literal_text(chunk: Chunk) -> str:
    """The passage with its headings, as written and as read: where numbers and names are looked up."""
    plain = (chunk.plain(unit) for unit in chunk.units if unit.plain is not None)
    return "\n".join((chunk.title, *chunk.heading_path, chunk.text, *plain))


def _contradicts(claim: str, chunk: Chunk, unit: int) -> bool:
    """Whether one of the two denies what the other says.

    A denial of the claim needs one in the passage that reaches a term of it, or any in the nearest unit. A denial in the
    nearest unit contradicts a claim that holds everything it reaches and denies nothing.
    """
    nearest = chunk.plain(chunk.units[unit]) if chunk.units else chunk.text
    reached = claims.denied(claim)
    if reached:
        ours = frozenset().union(*reached)
        theirs = claims.denied(literal_text(chunk))
        return not (claims.denies(nearest) or any(ours & each for each in theirs))
    held = claims.content(claim)
    return not claims.denies(claim) and any(
        each and each <= held for each in claims.denied(nearest)
    )
