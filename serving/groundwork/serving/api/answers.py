"""GET /v1/answers/{id} and POST /v1/feedback."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from groundwork.core.errors import NotFound
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON, JsonRoute
from groundwork.serving.api.schemas import ANSWER_ID_PATTERN, FeedbackBody
from groundwork.serving.api.shapes import AnswerShape, FeedbackShape

router = APIRouter(route_class=JsonRoute, tags=["answers"])

_ANSWER_ID = re.compile(ANSWER_ID_PATTERN)


@router.get(
    "/v1/answers/{answer_id}",
    summary="Read an answer again",
    response_model=None,
    responses={
        200: {"model": AnswerShape, "description": "The answer as it was given."},
        **problems(403, 404, 503),
    },
)
async def read_answer(
    answer_id: Annotated[str, Path(examples=["ans-5f0c2a9e4b7d4c1f8a6e3b21"])], request: Request
) -> Response:
    """The answer, for as long as answers are kept."""
    if not _ANSWER_ID.fullmatch(answer_id):
        raise NotFound("no answer has such an id", field="id")
    return JSON(await asyncio.to_thread(context_of(request).services.store.get, answer_id))


@router.post(
    "/v1/feedback",
    summary="Judge an answer",
    status_code=201,
    response_model=None,
    responses={
        201: {"model": FeedbackShape, "description": "Kept."},
        **problems(400, 403, 404, 413, 415, 422, 503),
    },
)
async def give_feedback(body: FeedbackBody, request: Request) -> Response:
    """Say whether an answer helped."""
    services = context_of(request).services
    feedback_id = await asyncio.to_thread(
        services.store.add_feedback, body.answer_id, body.rating, body.note()
    )
    services.metrics.judged(body.rating)
    receipt = {"id": feedback_id, "answer_id": body.answer_id, "rating": body.rating}
    return JSON(receipt, status_code=201)
