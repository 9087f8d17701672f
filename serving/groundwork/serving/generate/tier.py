"""Which tier a question needs, from its words and from what was found for it: points that can be read out loud.

Each sign that an answer has to be put together, rather than looked up, gives points; at `LARGE` points the
question goes to a large model. The signs and their points were chosen on half of a labelled set and checked on
the other half (`make bench BENCH=routing`, docs/decisions/routing.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from groundwork.core.settings.generation import Tier
from groundwork.retrieval.passages import Retrieval

VERSION = "tier-1"
LARGE = 2

_WORD = re.compile(r"[\w'’-]+")
_ASKS = r"how|what|which|when|where|who|why|is|are|do|does|did|can|could|should|must|will|would"
# "…? And how …?", "…, and what happens …": a second question behind the first.
_FURTHER = re.compile(
    rf"(?:,\s*(?:and|or|but)|;|\band|\bor)\s+(?:also\s+)?(?:{_ASKS})\s+(?!not\b)\w+", re.IGNORECASE
)
_COMPARES = re.compile(
    r"\b(?:differ(?:s|ence|ences|ent)?|versus|vs\.?|compar(?:e|ed|es|ing|ison)|trade-?offs?"
    r"|pros and cons|advantages?|drawbacks?|instead of|rather than|better|worse|relat(?:e|es|ed|ionship)"
    r"|in common|equivalent|affects?|influences?|together)\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"\bwhy\b|\bhow come\b|\breasons?\b|\brationale\b", re.IGNORECASE)
_EXPLAINS = re.compile(
    r"\b(?:explain|summari[sz]e|overview|describe|walk me through|step by step|end[- ]to[- ]end|in detail"
    r"|everything|all the ways|implications?|consequences?|interact|whole (?:process|path|picture)"
    r"|(?:best|right|recommended|safest) way|strateg(?:y|ies)|plan|design|recommend|advi[sc]e)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\bshould (?:i|we|one)\b|\bis it (?:safe|worth|wise|better|enough)\b|\bwhat would happen\b"
    r"|\bwhat happens (?:if|when|to)\b|\bmake sure\b",
    re.IGNORECASE,
)
_SITUATION = re.compile(
    r"\b(?:but|although|even though|despite|while|after|before|because|unless)\b"
    r"|\b(?:i|we) (?:have|want|need|am|are|get|see|run|ran|tried|changed|use)\b|\b(?:my|our)\b",
    re.IGNORECASE,
)

_LONG_WORDS = 22
# Passages within this much of the best score are about as good as it.
_MARGIN = 0.25
_SPREAD_PAGES = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """The tier, the points and, in words, where they came from."""

    tier: Tier
    points: int
    reasons: tuple[str, ...]


def judge(question: str, retrieval: Retrieval | None = None) -> Judged:
    """The tier of a standalone question; without passages by its words alone."""
    found = [*_signs_of_words(question), *(_signs_of_passages(retrieval) if retrieval else ())]
    points = sum(number for number, _ in found)
    tier: Tier = "large" if points >= LARGE else "small"
    return Judged(tier, points, tuple(reason for _, reason in found))


def _signs_of_words(question: str) -> Iterator[tuple[int, str]]:
    further = question.count("?") - 1 + len(_FURTHER.findall(question))
    if further > 0:
        yield 2, "several questions in one"
    if _COMPARES.search(question):
        yield 2, "a comparison"
    if _EXPLAINS.search(question):
        yield 2, "asks for an explanation or a plan"
    if _WHY.search(question):
        yield 1, "asks why"
    if _ADVICE.search(question):
        yield 1, "asks for advice or consequences"
    if _SITUATION.search(question):
        yield 1, "describes a situation"
    if len(_WORD.findall(question)) >= _LONG_WORDS:
        yield 1, "long"


def _signs_of_passages(retrieval: Retrieval) -> Iterator[tuple[int, str]]:
    if not retrieval.passages:
        return
    best = retrieval.passages[0].score
    near = [passage for passage in retrieval.passages if best - passage.score <= _MARGIN]
    pages = {passage.chunk.page for passage in near}
    if len(pages) >= _SPREAD_PAGES:
        yield 1, f"passages about as good on {len(pages)} pages"
