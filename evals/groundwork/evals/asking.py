"""Putting a golden question to the real assistant, and seeing what it retrieved."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from groundwork.core.answers import Answer
from groundwork.core.errors import GroundworkError
from groundwork.core.metering.callers import Caller
from groundwork.core.settings import CacheSettings
from groundwork.core.telemetry import Trace
from groundwork.evals.books import CHANNEL, EvaluationBooks
from groundwork.evals.golden import Example
from groundwork.evals.rows import Cited, Found, Row
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import Filter, SparseVector
from groundwork.retrieval.live import Readers
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.answer import complete
from groundwork.serving.assistant import Assistant
from groundwork.serving.cache import AnswerCache
from groundwork.serving.case import Question

# A page has fewer chunks than this.
_ALL = 10_000
# What the question under way retrieved. Threads started for it share the list.
_seen: ContextVar[list[Retrieval] | None] = ContextVar("evaluated_retrievals", default=None)


class WatchedRetriever(Retriever):
    """An assistant's retriever; what it finds for the question under way is noted."""

    def __init__(self, watched: Retriever) -> None:
        self.embedder = watched.embedder
        self._watched = watched

    def retrieve(self, question: str, index: str, **options: Any) -> Retrieval:
        """As the watched one does."""
        found = self._watched.retrieve(question, index, **options)
        seen = _seen.get()
        if seen is not None:
            seen.append(found)
        return found

    def version(self, index: str) -> str:
        """As the watched one says."""
        return self._watched.version(index)

    def settings(self) -> dict[str, Any]:
        """As the watched one says: the release is the same."""
        return self._watched.settings()


class Subject:
    """What is evaluated: an assistant without its cache, charging as an evaluation.

    `readers` lend the index that it reads. `registered` is the id of the release it was loaded from; prices of another day
    may give the same assistant another id.
    """

    def __init__(
        self, assistant: Assistant, readers: Readers, index: str, registered: str | None = None
    ) -> None:
        self.index = index
        self.registered = registered
        self._readers = readers
        self.assistant: Assistant = replace(
            assistant,
            retriever=WatchedRetriever(assistant.retriever),
            # A kept answer would measure the run before.
            cache=AnswerCache(CacheSettings(mode="off")),
            books=EvaluationBooks(assistant.books),
        )

    @property
    def version(self) -> str:
        """The version that answers now. Raises IndexMissing."""
        return self.assistant.retriever.version(self.index)

    @property
    def embedder(self) -> Embedder:
        """Of the index."""
        return self.assistant.retriever.embedder

    @property
    def release(self) -> str:
        """The id that stands on its answers: of everything that decides one now."""
        return self.assistant.release(self.index, self.version).id

    async def ask(self, example: Example) -> tuple[Row, tuple[Passage, ...]]:
        """The question's row without scores, and the passages. An error is a row of the outcome failed."""
        seen: list[Retrieval] = []
        token = _seen.set(seen)
        trace = Trace()
        caller = Caller.local(CHANNEL)
        question = Question(example.question, self.index, history=example.history, caller=caller)
        try:
            answer = await complete(question, self.assistant, trace)
        except GroundworkError as error:
            return _failed(example, f"{error.code}: {error.detail}", trace.elapsed_ms()), ()
        finally:
            _seen.reset(token)
        passages = seen[-1].passages if seen else ()
        return _row(example, answer, seen[-1] if seen else None), passages

    def places(self, pages: set[str]) -> set[str]:
        """Every `page#anchor` that the index holds of these pages."""
        import numpy as np

        anything = np.zeros(self.embedder.dimension, dtype=np.float32)
        anything[0] = 1.0
        found: set[str] = set()
        with self._readers.lease(self.index) as reader:
            for page in sorted(pages):
                candidates = reader.candidates(
                    anything, SparseVector((), ()), _ALL, Filter(path=(page,))
                )
                stored = reader.fetch([one.id for one in candidates])
                found |= {f"{one.chunk.page}#{one.chunk.anchor}" for one in stored}
        return found


def _row(example: Example, answer: Answer, found: Retrieval | None) -> Row:
    passages = found.passages if found is not None else ()
    where = {(one.chunk.url or one.chunk.page, one.chunk.anchor): _place(one) for one in passages}
    return Row(
        id=example.id,
        category=example.category,
        source=example.source,
        question=example.question,
        outcome=answer.outcome,
        reason=answer.reason,
        answer=answer.answer,
        answer_id=answer.id,
        release=answer.release,
        index_version=answer.index_version,
        model=answer.model,
        asked=answer.question,
        searched=found.question if found is not None else "",
        confidence=round(answer.confidence, 6),
        citations=tuple(
            Cited(where.get((one.url, one.anchor), ""), one.quote, one.start, one.end)
            for one in answer.citations
        ),
        retrieved=tuple(
            Found(_place(one), round(one.score, 6), one.chunk.text) for one in passages
        ),
        latency_ms=round(answer.timings_ms["total"], 3),
        picodollars=answer.picodollars,
    )


def _failed(example: Example, reason: str, elapsed_ms: float) -> Row:
    return Row(
        id=example.id,
        category=example.category,
        source=example.source,
        question=example.question,
        outcome="failed",
        reason=reason,
        latency_ms=round(elapsed_ms, 3),
    )


def _place(passage: Passage) -> str:
    return f"{passage.chunk.page}#{passage.chunk.anchor}"
