"""The question path: question -> retrieve -> generate -> verify -> charge -> answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from groundwork.core.answers import Answer, Citation, Turn, Usage
from groundwork.core.metering.prices import EMBED, RETRIEVE, PriceBook
from groundwork.core.metering.tally import INPUT, Tally
from groundwork.core.registry.release import Release
from groundwork.core.telemetry import Trace
from groundwork.retrieval.index.base import Filter
from groundwork.retrieval.passages import Retrieval
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.draft import Draft
from groundwork.serving.generate.base import Finished, Generator, Mark, Piece, Task
from groundwork.serving.store import AnswerStore

NOT_FOUND = (
    "I could not find an answer to that in the documentation. "
    "Try other words, or name the feature, command or setting you mean."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks."""

    text: str
    index: str
    history: tuple[Turn, ...] = ()
    where: Filter | None = None
    passages: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: ids that a caller may want before the text."""

    id: str
    trace_id: str
    index: str
    index_version: str
    release: str
    model: str


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A verified citation of text that has just been sent."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Done:
    """The last event: the whole answer, charged and recorded."""

    answer: Answer


Event = Started | Delta | Cited | Done


@dataclass(frozen=True, slots=True)
class Assistant:
    """What answers questions. Built by the composition root; every part can be replaced."""

    retriever: Retriever
    generator: Generator
    prices: PriceBook
    store: AnswerStore


async def answer(
    question: Question, assistant: Assistant, trace: Trace
) -> AsyncGenerator[Event, None]:
    """Answer as a stream of events: one Started, Deltas with their Cited, one Done."""
    with trace.stage("retrieve"):
        found = await asyncio.to_thread(
            assistant.retriever.retrieve,
            question.text,
            question.index,
            where=question.where,
            limit=question.passages,
        )
    started = _start(found, assistant, trace)
    yield started
    draft = Draft(found.passages)
    usage = Usage()
    tally = Tally()
    tally.add(EMBED, assistant.retriever.embedder.model, INPUT, found.query_tokens)
    tally.add(RETRIEVE, "qdrant", "searches", 1)
    if found.answerable:
        with trace.stage("generate"):
            task = Task(question.text, found, question.history, tally=tally)
            # Closed at once when the client goes away, so that an engine stops working for nobody.
            async with aclosing(assistant.generator.generate(task)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Finished):
                        usage = piece.usage
                        continue
                    text, citation = (
                        draft.mark(piece) if isinstance(piece, Mark) else draft.add(piece)
                    )
                    yield Delta(text)
                    if citation is not None:
                        yield Cited(citation)
    if not draft.citations:
        text, _ = draft.add(Piece(f"\n\n{NOT_FOUND}" if draft.text else NOT_FOUND))
        yield Delta(text)
    done = _finish(question, started, found, draft, usage, trace).charged(
        assistant.prices.charges(tally)
    )
    await asyncio.to_thread(assistant.store.save, done)
    yield Done(done)


async def complete(question: Question, assistant: Assistant, trace: Trace) -> Answer:
    """The finished answer, for callers that do not stream."""
    async for event in answer(question, assistant, trace):
        if isinstance(event, Done):
            return event.answer
    raise AssertionError("an answer always ends in Done")


def _start(found: Retrieval, assistant: Assistant, trace: Trace) -> Started:
    release = Release(
        index=found.index,
        index_version=found.index_version,
        embedder=assistant.retriever.embedder.identity,
        generator=assistant.generator.identity,
        prices=assistant.prices.digest,
        retrieval=assistant.retriever.settings(),
    )
    return Started(
        id="ans-" + secrets.token_hex(12),
        trace_id=trace.trace_id,
        index=found.index,
        index_version=found.index_version,
        release=release.id,
        model=assistant.generator.model,
    )


def _finish(
    question: Question, started: Started, found: Retrieval, draft: Draft, usage: Usage, trace: Trace
) -> Answer:
    abstained = not draft.citations
    reason = None
    if abstained:
        reason = "low_confidence" if not found.answerable else "no_supported_answer"
        if not found.passages:
            reason = "nothing_found"
    return Answer(
        id=started.id,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        question=question.text,
        index=found.index,
        release=started.release,
        index_version=found.index_version,
        model=started.model,
        answer=draft.text,
        abstained=abstained,
        reason=reason,
        confidence=found.confidence,
        citations=tuple(draft.citations),
        usage=usage,
        charges=(),
        rails=(),
        timings_ms=trace.finish(),
        trace_id=trace.trace_id,
        record={"threshold": found.threshold, "dropped_citations": draft.dropped},
    )
