"""GET and DELETE /v1/conversations/{id}."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from groundwork.core.errors import NotFound
from groundwork.core.metering.callers import ASK
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON, JsonRoute
from groundwork.serving.conversation_store import ID_PATTERN

router = APIRouter(route_class=JsonRoute, tags=["conversations"])

_ID = re.compile(ID_PATTERN)
_EXAMPLE = "conv-5f0c2a9e4b7d4c1f8a6e3b21"


class TurnShape(BaseModel):
    """A question with its answer."""

    number: int
    created_at: str
    question: str
    answer_id: str
    answer: str

    model_config = ConfigDict(title="ConversationTurn")


class ConversationShape(BaseModel):
    """A conversation, oldest turn first."""

    id: str
    created_at: str
    last_at: str
    turns: list[TurnShape]

    model_config = ConfigDict(
        title="Conversation",
        json_schema_extra={
            "examples": [
                {
                    "id": _EXAMPLE,
                    "created_at": "2026-11-23T10:15:00.000Z",
                    "last_at": "2026-11-23T10:15:02.000Z",
                    "turns": [
                        {
                            "number": 1,
                            "created_at": "2026-11-23T10:15:02.000Z",
                            "question": "How do I roll an index back?",
                            "answer_id": "ans-5f0c2a9e4b7d4c1f8a6e3b21",
                            "answer": "groundwork index rollback makes the previous version live again. [1]",
                        }
                    ],
                }
            ]
        },
    )


_Id = Annotated[str, Path(examples=[_EXAMPLE])]


@router.get(
    "/v1/conversations/{conversation_id}",
    summary="Read a conversation",
    response_model=None,
    responses={
        200: {"model": ConversationShape, "description": "Its questions and answers."},
        **problems(401, 403, 404, 503),
    },
)
async def read_conversation(conversation_id: _Id, request: Request) -> Response:
    """The conversation, for as long as conversations are kept."""
    store = context_of(request).services.conversations
    caller = await caller_of(request, ASK)
    found = await asyncio.to_thread(store.read, _checked(conversation_id), caller.key_id or None)
    return JSON(found.to_dict())


@router.delete(
    "/v1/conversations/{conversation_id}",
    summary="Forget a conversation",
    status_code=204,
    response_model=None,
    responses={
        204: {"description": "It is gone; its answers stay."},
        **problems(401, 403, 404, 503),
    },
)
async def delete_conversation(conversation_id: _Id, request: Request) -> Response:
    """Its turns are deleted at once. Answers are kept on their own, for the ledger's retention."""
    store = context_of(request).services.conversations
    caller = await caller_of(request, ASK)
    await asyncio.to_thread(store.delete, _checked(conversation_id), caller.key_id or None)
    return Response(status_code=204)


def _checked(conversation_id: str) -> str:
    if not _ID.fullmatch(conversation_id):
        raise NotFound("no conversation has such an id", field="id")
    return conversation_id
