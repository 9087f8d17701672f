"""The gap report: questions that found nothing or were answered wrong, grouped, for the writers of the documentation.

Each group has the pages nearest to it, which should have answered. Groups that no page is near to come last: those are about
something else. What counts is how many asked, a thumb down as two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from groundwork.retrieval.passages import Retrieval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from groundwork.retrieval.embed.base import Embedder
    from groundwork.serving.store import AnswerStore

# Two questions of one gap are at least so near; paraphrases of documentation questions are at 0.7 and more.
SAME = 0.62
# Below this the nearest page is about something else (docs/decisions/abstention.md: 97 % of far-off questions are below 0.47).
NEAR = 0.35
_MOST_QUESTIONS = 3000
_SHOWN_PAGES, _SHOWN_QUESTIONS = 3, 5
_DISLIKED = 2.0


class Finds(Protocol):
    """The part of a retriever that is needed."""

    @property
    def embedder(self) -> Embedder:
        """What questions are grouped by."""

    def retrieve(self, question: str, index: str) -> Retrieval:
        """Passages of the live version."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A question that got no answer, or one that somebody judged wrong. `at` is ISO 8601."""

    question: str
    answer_id: str
    at: str
    reason: str
    disliked: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One that should have answered; `near` is the cosine of its best passage with the questions."""

    page: str
    title: str
    url: str
    near: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions that ask for the same. `title` is the one in their middle."""

    title: str
    count: int
    disliked: int
    reasons: dict[str, int]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    pages: tuple[Page, ...]
    off_topic: bool

    @property
    def weight(self) -> float:
        """What it would be worth to close it."""
        near = max((page.near for page in self.pages), default=0.0)
        return (self.count + (_DISLIKED - 1) * self.disliked) * max(near, 0.0)


@dataclass(frozen=True, slots=True)
class GapReport:
    """What was asked in vain since an instant, worst first; what is about something else comes last."""

    index: str
    since: str
    asked: int
    missed: int
    gaps: tuple[Gap, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def gaps_of(
    store: AnswerStore, retriever: Finds, index: str, days: float, most: int = 50
) -> GapReport:
    """The report of the last days. Raises IndexMissing, Unavailable."""
    since = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    asked, missed = 0, []
    for answer, ratings in store.since(since.replace("+00:00", "Z"), index):
        asked += 1
        found = _missed(answer, ratings)
        if found is not None:
            missed.append(found)
    # The newest, where there are more than can be grouped at once.
    grouped = group(missed[-_MOST_QUESTIONS:], retriever, index)
    return GapReport(index, since, asked, len(missed), tuple(grouped[:most]))


def group(missed: Sequence[Missed], retriever: Finds, index: str) -> list[Gap]:
    """Worst first."""
    if not missed:
        return []
    texts = list(dict.fromkeys(one.question for one in missed))
    vectors = np.vstack([retriever.embedder.embed([text]) for text in texts])
    place = {text: n for n, text in enumerate(texts)}
    found = []
    for members in clusters(vectors, SAME):
        held = set(members)
        asked = [one for one in missed if place[one.question] in held]
        middle = texts[members[0]]
        found.append(_gap(middle, asked, retriever.retrieve(middle, index)))
    return sorted(found, key=lambda gap: (gap.off_topic, -gap.weight, gap.title))


def clusters(vectors: NDArray[np.float32], same: float) -> list[list[int]]:
    """Groups of rows, each with its middle first: the row with the most neighbours that no group has yet, and those."""
    near = vectors @ vectors.T >= same
    free = np.ones(len(vectors), dtype=bool)
    found = []
    while free.any():
        counts = np.where(free, (near & free).sum(axis=1), -1)
        middle = int(counts.argmax())
        members = np.flatnonzero(near[middle] & free)
        found.append([middle, *(int(n) for n in members if n != middle)])
        free[members] = False
        free[middle] = False
    return found


def _missed(answer: dict[str, Any], ratings: Iterable[str]) -> Missed | None:
    disliked = "down" in ratings
    if answer["outcome"] == "abstained" or (answer["outcome"] == "answered" and disliked):
        reason = answer["reason"] or "disliked"
        return Missed(answer["question"], answer["id"], answer["created_at"], reason, disliked)
    return None


def _gap(middle: str, asked: Sequence[Missed], found: Retrieval) -> Gap:
    reasons: dict[str, int] = {}
    for one in asked:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    pages: dict[str, Page] = {}
    for passage in found.passages:
        chunk = passage.chunk
        near = round(passage.dense, 3)
        known = pages.get(chunk.page)
        if known is None or known.near < near:
            pages[chunk.page] = Page(chunk.page, chunk.title, chunk.url or "", near)
    nearest = sorted(pages.values(), key=lambda page: -page.near)[:_SHOWN_PAGES]
    return Gap(
        title=middle,
        count=len(asked),
        disliked=sum(one.disliked for one in asked),
        reasons=reasons,
        questions=tuple(dict.fromkeys(one.question for one in asked))[:_SHOWN_QUESTIONS],
        answers=tuple(one.answer_id for one in asked[-_SHOWN_QUESTIONS:]),
        pages=tuple(nearest),
        off_topic=not nearest or nearest[0].near < NEAR,
    )
