"""GET /v1/answers/{id} and POST /v1/feedback."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from groundwork.core.errors import NotFound
from groundwork.core.metering.callers import ASK, Caller
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON, JsonRoute
from groundwork.serving.api.schemas import ANSWER_ID_PATTERN, FeedbackBody
from groundwork.serving.api.shapes import AnswerShape, FeedbackShape
from groundwork.serving.services import Services
from groundwork.serving.store import missing_answer

router = APIRouter(route_class=JsonRoute, tags=["answers"])

_ANSWER_ID = re.compile(ANSWER_ID_PATTERN)


@router.get(
    "/v1/answers/{answer_id}",
    summary="Read an answer again",
    response_model=None,
    responses={
        200: {"model": AnswerShape, "description": "The answer as it was given."},
        **problems(401, 403, 404, 503),
    },
)
async def read_answer(
    answer_id: Annotated[str, Path(examples=["ans-5f0c2a9e4b7d4c1f8a6e3b21"])], request: Request
) -> Response:
    """The answer, for as long as answers are kept."""
    if not _ANSWER_ID.fullmatch(answer_id):
        raise NotFound("no answer has such an id", field="id")
    caller = await caller_of(request, ASK)
    services = context_of(request).services
    return JSON(await asyncio.to_thread(_read, services, caller, answer_id))


@router.post(
    "/v1/feedback",
    summary="Judge an answer",
    status_code=201,
    response_model=None,
    responses={
        201: {"model": FeedbackShape, "description": "Kept."},
        **problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
)
async def give_feedback(body: FeedbackBody, request: Request) -> Response:
    """Say whether an answer helped."""
    caller = await caller_of(request, ASK)
    services = context_of(request).services
    feedback_id = await asyncio.to_thread(_judge, services, caller, body)
    services.metrics.judged(body.rating)
    receipt = {"id": feedback_id, "answer_id": body.answer_id, "rating": body.rating}
    return JSON(receipt, status_code=201)


def _read(services: Services, caller: Caller, answer_id: str) -> dict[str, Any]:
    """Raises NotFound for another team's answer too: that it exists is nobody else's business."""
    found = services.store.get(answer_id)
    _must_be_seen(services, caller, answer_id, "id")
    return found


def _judge(services: Services, caller: Caller, body: FeedbackBody) -> int:
    _must_be_seen(services, caller, body.answer_id, "answer_id")
    return services.store.add_feedback(body.answer_id, body.rating, body.note())


def _must_be_seen(services: Services, caller: Caller, answer_id: str, field: str) -> None:
    if not services.accounts.may_see(caller, answer_id):
        raise missing_answer(answer_id, field)
