"""POST /v1/chat/completions, for OpenAI's clients."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from groundwork.core.answers import Answer
from groundwork.core.errors import GroundworkError
from groundwork.core.metering.callers import ASK
from groundwork.core.money import format_dollars
from groundwork.serving.api import sse
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.chat_request import to_question
from groundwork.serving.api.context import context_of, trace_of
from groundwork.serving.api.describe import COST_HEADERS, event_stream, openai_errors
from groundwork.serving.api.openai_shapes import ChatBody, ChatShape
from groundwork.serving.api.passthrough import ChatRoute
from groundwork.serving.api.problems import Failure
from groundwork.serving.api.responses import CLIENT_CLOSED_REQUEST, COST_HEADER, JSON
from groundwork.serving.api.run import Run
from groundwork.serving.events import Delta, Done

router = APIRouter(route_class=ChatRoute, tags=["openai"])

_STREAM_EXAMPLE = (
    'data: {"id":"chatcmpl-5f0c…","object":"chat.completion.chunk","created":1795428900,"model":"groundwork",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n'
    "data: [DONE]\n\n"
)
_IN_THE_COMPLETION = frozenset({"answer", "question", "usage"})


@router.post(
    "/v1/chat/completions",
    summary="Ask a question as OpenAI's clients do",
    response_model=None,
    responses={
        200: {
            "model": ChatShape,
            "description": "The completion; with `stream` its chunks, then [DONE].",
            "content": event_stream(_STREAM_EXAMPLE),
            "headers": COST_HEADERS,
        },
        **openai_errors(400, 401, 402, 403, 404, 413, 415, 429, 502, 503, 504),
    },
)
async def complete_chat(body: ChatBody, request: Request) -> Response:
    """A chat completion whose citations are url_citation annotations."""
    context = context_of(request)
    settings = context.settings
    caller = await caller_of(request, ASK)
    limit = settings.service.max_question_chars
    question = replace(to_question(body, settings.index.default, limit), caller=caller)
    run = await Run.begin(context, question, trace_of(request.scope))
    head = {
        "id": run.started.id.replace("ans-", "chatcmpl-", 1),
        "created": int(time.time()),
        "model": body.model,
        "system_fingerprint": run.started.release,
    }
    if body.stream:
        include_usage = bool(body.stream_options and body.stream_options.include_usage)
        return sse.EventStream(
            _frames(run, head, include_usage=include_usage), run.aclose, headers=run.spending
        )
    answer = await run.answer(request)
    if answer is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    cost = {COST_HEADER: format_dollars(answer.picodollars)}
    return JSON(_completion(head, answer), headers={**cost, **run.spending})


async def _frames(
    run: Run, head: dict[str, Any], *, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    try:
        yield _chunk(head, {"role": "assistant", "content": ""}, usage_null=include_usage)
        async with aclosing(run.events()) as events:
            async for event in events:
                if isinstance(event, Delta):
                    yield _chunk(head, {"content": event.text}, usage_null=include_usage)
                elif isinstance(event, Done):
                    for frame in _ending(head, event.answer, include_usage=include_usage):
                        yield frame
        yield b"data: [DONE]\n\n"
    except GroundworkError as error:
        yield sse.data_only(Failure.of(error).openai())
    except Exception:
        yield sse.data_only(Failure.unexpected().openai())
        raise


def _ending(head: dict[str, Any], answer: Answer, *, include_usage: bool) -> list[bytes]:
    """Annotations, the finish, the usage: in a chunk of its own where the client asked, else with the finish."""
    annotations = {"content": "", "annotations": _annotations(answer)}
    frames = [_chunk(head, annotations, usage_null=include_usage)] if answer.citations else []
    last: dict[str, Any] = {"usage": answer.usage.to_dict(), "groundwork": _native(answer)}
    if include_usage:
        return [
            *frames,
            _chunk(head, {}, finish_reason="stop", usage_null=True),
            sse.data_only({**_chunk_head(head), "choices": [], **last}),
        ]
    return [*frames, _chunk(head, {}, finish_reason="stop", **last)]


def _chunk(
    head: dict[str, Any],
    delta: dict[str, Any],
    *,
    finish_reason: str | None = None,
    usage_null: bool = False,
    **more: Any,
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    if usage_null:
        more["usage"] = None
    return sse.data_only({**_chunk_head(head), "choices": [choice], **more})


def _chunk_head(head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "object": "chat.completion.chunk"}


def _completion(head: dict[str, Any], answer: Answer) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": answer.answer,
        "refusal": None,
        "annotations": _annotations(answer),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {
        **head,
        "object": "chat.completion",
        "choices": [choice],
        "usage": answer.usage.to_dict(),
        "groundwork": _native(answer),
    }


def _annotations(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": citation.start,
                "end_index": citation.end,
                "url": citation.link,
                "title": citation.title,
            },
        }
        for citation in answer.citations
    ]


def _native(answer: Answer) -> dict[str, Any]:
    return {
        name: value for name, value in answer.to_dict().items() if name not in _IN_THE_COMPLETION
    }
