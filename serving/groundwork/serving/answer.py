"""The question path: question -> rails -> retrieve -> generate -> rails -> charge -> answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from groundwork.core.answers import Answer
from groundwork.core.telemetry import Trace
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case, Question
from groundwork.serving.events import Done, Event
from groundwork.serving.understand import let_in, retrieve, stand_alone
from groundwork.serving.write import write


async def answer(
    question: Question, assistant: Assistant, trace: Trace, name: str | None = None
) -> AsyncGenerator[Event, None]:
    """Answer as a stream of events: one Started, Deltas with their Cited, one Done. `name` is the answer's id, if it has one.

    From Started on the question is charged and recorded however it ends, also where the generator fails or the
    caller closes the stream.
    """
    rails = assistant.guard.begin(question.index, question.caller.team or None)
    case = Case(question, rails, trace, name)
    try:
        await let_in(case, assistant)
        await stand_alone(case, assistant)
        await retrieve(case, assistant)
    except BaseException:
        await assistant.books.drop(case)
        raise
    try:
        yield case.started()
        async with aclosing(write(case, assistant)) as words:
            async for word in words:
                yield word
        case.decided()
        done = await assistant.books.close(case)
        await _remember(case, assistant, done)
        yield Done(done)
    except Exception:
        case.outcome = "failed"
        raise
    finally:
        await assistant.books.close(case)


async def complete(question: Question, assistant: Assistant, trace: Trace) -> Answer:
    """The finished answer, for callers that do not stream."""
    async for event in answer(question, assistant, trace):
        if isinstance(event, Done):
            return event.answer
    raise AssertionError("an answer always ends in Done")


async def _remember(case: Case, assistant: Assistant, done: Answer) -> None:
    """For the next question of the conversation, and for the same question."""
    if case.key is not None and case.hit is None:
        assistant.cache.keep(case.key, case.standalone, done, case.vector)
    if case.conversation is not None:
        owner = case.question.caller.key_id or None
        turn = (case.conversation, done.question, done.id, done.answer, owner)
        await asyncio.to_thread(assistant.conversations.append, *turn)
