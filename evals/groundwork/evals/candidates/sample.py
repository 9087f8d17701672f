"""Candidate questions from what people asked: what went wrong most likely, each once, without personal data."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from groundwork.evals.golden import ATTACK, UNANSWERABLE
from groundwork.retrieval.passages import Retrieval
from groundwork.serving.conversation_store import KeptTurn
from groundwork.serving.slack.review import Proposal, ReviewQueue, scrub
from groundwork.serving.store import AnswerStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

SAMPLE = "sample"
# How much likelier than a good, sure answer one is drawn that people disliked, and one that was not sure at all.
_DISLIKED, _UNSURE = 5.0, 3.0
# Questions with a higher cosine ask the same.
SAME = 0.92
# As many are looked at as may turn out to be the same.
_SPARE = 5
_DRAWN = frozenset({"answered", "abstained", "blocked"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to draw. `known` are questions that nobody needs to see again."""

    index: str
    count: int = 50
    days: int = 7
    seed: int = 11
    known: Sequence[str] = field(default=())


def sample(
    store: AnswerStore,
    queue: ReviewQueue,
    embed: Callable[[str], Vector],
    retrieve: Callable[[str], Retrieval],
    wanted: Wanted,
) -> list[Proposal]:
    """Draw and keep in the queue; returns what is new there.

    Answers of private places are left out. Questions are scrubbed before anything else is done with them.
    """
    private = queue.private_answers()
    since = (datetime.now(UTC) - timedelta(days=wanted.days)).isoformat(timespec="milliseconds")
    bodies = (
        (body, ratings)
        for body, ratings in store.since(since, wanted.index)
        if body["outcome"] in _DRAWN and body["id"] not in private
    )
    waiting = [turn["question"] for row in queue.all() for turn in row["turns"][-1:]]
    seen = [embed(text) for text in (*wanted.known, *waiting)]
    taken: list[Proposal] = []
    for body in _drawn(bodies, wanted):
        if len(taken) == wanted.count:
            break
        text = scrub(_asked(body)).strip()
        vector = embed(text)
        if not text or any(float(vector @ other) >= SAME for other in seen):
            continue
        seen.append(vector)
        proposal = _proposal(body, text, retrieve(text))
        if queue.add(proposal):
            taken.append(proposal)
    return taken


def weight(body: Mapping[str, Any], ratings: Sequence[str]) -> float:
    """How likely an answer is drawn, compared with one that was sure and that nobody disliked."""
    return 1.0 + _DISLIKED * ("down" in ratings) + _UNSURE * (1.0 - float(body["confidence"]))


def _drawn(
    bodies: Iterable[tuple[Mapping[str, Any], Sequence[str]]], wanted: Wanted
) -> list[Mapping[str, Any]]:
    """Without replacement, by weight: the largest of u^(1/w) (Efraimidis and Spirakis 2006), in one pass."""

    def key(body: Mapping[str, Any], ratings: Sequence[str]) -> float:
        # An answer's lot is its own, whatever else was asked.
        lot = random.Random(f"{wanted.seed}\n{body['id']}").random()
        return float(lot ** (1.0 / weight(body, ratings)))

    keyed = ((key(body, ratings), body["id"], body) for body, ratings in bodies)
    return [body for _, _, body in heapq.nlargest(_SPARE * wanted.count, keyed)]


def _asked(body: Mapping[str, Any]) -> str:
    """The question as it means something without the ones before it."""
    rewritten = body["record"].get("rewritten") or {}
    return str(rewritten.get("question") or body["question"])


def _proposal(body: Mapping[str, Any], text: str, found: Retrieval) -> Proposal:
    kinds = {"blocked": ATTACK, "abstained": UNANSWERABLE}
    category = kinds.get(body["outcome"], "lookup")
    example: dict[str, Any] = {"category": category, "question": text}
    if category == "lookup":
        example["gold"] = _places(body, found)
    turn = KeptTurn(1, body["created_at"], text, body["id"], body["answer"])
    return Proposal(f"answer:{body['id']}", body["id"], SAMPLE, (turn,), example)


def _places(body: Mapping[str, Any], found: Retrieval) -> list[str]:
    """Where the answer was taken from, as far as it is found again: for whoever reviews it."""
    cited = {(one["url"], one["anchor"]) for one in body["citations"]}
    chunks = [passage.chunk for passage in found.passages]
    places = [
        f"{one.page}#{one.anchor}" for one in chunks if (one.url or one.page, one.anchor) in cited
    ]
    return list(dict.fromkeys(places))
