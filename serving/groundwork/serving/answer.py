"""The question path: question -> retrieve -> generate -> verify -> charge -> answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from groundwork.core.answers import Answer, Citation
from groundwork.core.metering.prices import EMBED, RETRIEVE, PriceBook
from groundwork.core.metering.tally import INPUT
from groundwork.core.registry.release import Release
from groundwork.core.telemetry import Trace
from groundwork.retrieval.passages import Retrieval
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.case import Case, Question
from groundwork.serving.generate.base import Finished, Generator, Mark, Piece, Task
from groundwork.serving.store import AnswerStore

NOT_FOUND = (
    "I could not find an answer to that in the documentation. "
    "Try other words, or name the feature, command or setting you mean."
)


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
    """Answer as a stream of events: one Started, Deltas with their Cited, one Done.

    From Started on the question is charged and recorded however it ends, also where the generator fails or the
    caller closes the stream.
    """
    case = Case(question, trace)
    await _retrieve(case, assistant)
    try:
        yield _started(case)
        async with aclosing(_write(case, assistant)) as events:
            async for event in events:
                yield event
        case.decided()
        yield Done(await case.close(assistant.prices, assistant.store))
    except Exception:
        case.outcome = "failed"
        raise
    finally:
        await case.close(assistant.prices, assistant.store)


async def complete(question: Question, assistant: Assistant, trace: Trace) -> Answer:
    """The finished answer, for callers that do not stream."""
    async for event in answer(question, assistant, trace):
        if isinstance(event, Done):
            return event.answer
    raise AssertionError("an answer always ends in Done")


async def _retrieve(case: Case, assistant: Assistant) -> None:
    question = case.question
    with case.trace.stage("retrieve"):
        found = await asyncio.to_thread(
            assistant.retriever.retrieve,
            case.standalone,
            question.index,
            where=question.where,
            limit=question.passages,
        )
    case.tally.add(EMBED, assistant.retriever.embedder.model, INPUT, found.query_tokens)
    case.tally.add(RETRIEVE, "qdrant", "searches", 1)
    case.retrieved(found, _release(found, assistant), assistant.generator.model)


async def _write(case: Case, assistant: Assistant) -> AsyncGenerator[Delta | Cited, None]:
    found, draft = case.found, case.draft
    if found is not None and found.answerable:
        task = Task(
            question=case.standalone,
            retrieval=found,
            history=case.history,
            wanted=case.question.generator,
            tally=case.tally,
        )
        with case.trace.stage("generate"):
            # Closed at once when the client goes away, so that an engine stops working for nobody.
            async with aclosing(assistant.generator.generate(task)) as written:
                async for item in written:
                    if isinstance(item, Finished):
                        case.finished(item)
                        continue
                    text, citation = draft.mark(item) if isinstance(item, Mark) else draft.add(item)
                    if text:
                        yield Delta(text)
                    if citation is not None:
                        yield Cited(citation)
    if not draft.citations:
        text, _ = draft.add(Piece(f"\n\n{NOT_FOUND}" if draft.text else NOT_FOUND))
        yield Delta(text)


def _release(found: Retrieval, assistant: Assistant) -> Release:
    return Release(
        index=found.index,
        index_version=found.index_version,
        embedder=assistant.retriever.embedder.identity,
        generator=assistant.generator.identity,
        prices=assistant.prices.digest,
        retrieval=assistant.retriever.settings(),
    )


def _started(case: Case) -> Started:
    if case.found is None or case.release is None:
        raise AssertionError("started before anything was retrieved")
    return Started(
        id=case.id,
        trace_id=case.trace.trace_id,
        index=case.found.index,
        index_version=case.found.index_version,
        release=case.release.id,
        model=case.model,
    )
