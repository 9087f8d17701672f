"""POST /v1/ask."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from groundwork.core.errors import GroundworkError
from groundwork.core.metering.callers import ASK
from groundwork.core.money import format_dollars
from groundwork.serving.api import sse
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of, trace_of
from groundwork.serving.api.describe import COST_HEADERS, event_stream, problems
from groundwork.serving.api.problems import Failure
from groundwork.serving.api.responses import CLIENT_CLOSED_REQUEST, COST_HEADER, JSON, JsonRoute
from groundwork.serving.api.run import Run
from groundwork.serving.api.schemas import NEW_CONVERSATION, AskBody
from groundwork.serving.api.shapes import AnswerShape
from groundwork.serving.case import Question
from groundwork.serving.conversation_store import new_conversation
from groundwork.serving.events import Cited, Delta, Event, Started
from groundwork.serving.generate.router import check_wanted
from groundwork.serving.questions import checked_question

router = APIRouter(route_class=JsonRoute, tags=["answers"])

_STREAM_EXAMPLE = (
    'event: start\ndata: {"id":"ans-5f0c…","trace_id":"4bf9…","index":"docs","index_version":"9d8c…",'
    '"release":"rel-0a1b…","model":"extractive"}\n\n'
    'event: delta\ndata: {"text":"groundwork index rollback makes the previous version live again. [1]"}\n\n'
    'event: citation\ndata: {"n":1,"title":"Index versions",…}\n\n'
    'event: done\ndata: {"id":"ans-5f0c…","answer":"…",…}\n\n'
)


@router.post(
    "/v1/ask",
    summary="Ask a question",
    response_model=None,
    responses={
        200: {
            "model": AnswerShape,
            "description": "The answer; with `stream` the events start, delta, citation, done or error.",
            "content": event_stream(_STREAM_EXAMPLE, "start", "delta", "citation", "done", "error"),
            "headers": COST_HEADERS,
        },
        **problems(400, 401, 402, 403, 404, 413, 415, 422, 429, 502, 503, 504),
    },
)
async def ask(body: AskBody, request: Request) -> Response:
    """Answer from the documentation, each statement cited, or say that it is not there."""
    context = context_of(request)
    settings = context.settings
    caller = await caller_of(request, ASK)
    begins = body.conversation_id == NEW_CONVERSATION
    question = Question(
        text=checked_question(body.question, settings.service.max_question_chars),
        index=body.index or settings.index.default,
        history=body.turns(),
        where=body.filters.to_filter() if body.filters is not None else None,
        passages=body.k,
        generator=body.model,
        conversation=new_conversation() if begins else body.conversation_id,
        begins=begins,
        caller=caller,
    )
    check_wanted(question.generator, context.services.assistant.generator)
    trace = trace_of(request.scope)
    run = await Run.begin(context, question, trace)
    if body.stream:
        return sse.EventStream(_frames(run, trace.trace_id), run.aclose, headers=run.spending)
    answer = await run.answer(request)
    if answer is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    cost = {COST_HEADER: format_dollars(answer.picodollars)}
    return JSON(answer.to_dict(), headers={**cost, **run.spending})


async def _frames(run: Run, trace_id: str) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(run.events()) as events:
            async for event in events:
                yield _frame(event)
    except GroundworkError as error:
        yield sse.event("error", Failure.of(error).problem(trace_id))
    except Exception:
        yield sse.event("error", Failure.unexpected().problem(trace_id))
        raise


def _frame(event: Event) -> bytes:
    if isinstance(event, Delta):
        return sse.event("delta", {"text": event.text})
    if isinstance(event, Started):
        return sse.event("start", event.to_dict())
    if isinstance(event, Cited):
        return sse.event("citation", asdict(event.citation))
    return sse.event("done", event.answer.to_dict())
