"""POST, GET and DELETE /v1/keys, for callers with the scope admin."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from groundwork.core.metering.callers import ADMIN, Caller
from groundwork.core.metering.keys import NewKey, parse_expiry, shown
from groundwork.serving.api.auth import accounts_of, caller_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON, JsonRoute

router = APIRouter(route_class=JsonRoute, tags=["keys"])

_Name = Annotated[str, Field(max_length=128)]
_Limit = Annotated[int, Field(gt=0, lt=2**31)]
Scope = Literal["ask", "search", "recommend", "ingest", "costs", "admin"]


class KeyBody(BaseModel):
    """A key to make. `expires` is a number of days such as 90d, or a date (UTC)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "ci", "team": "search", "expires": "90d"}]},
    )

    name: _Name = ""
    team: _Name = ""
    user: _Name = ""
    project: _Name = ""
    scopes: list[Scope] = Field(["ask", "search"], min_length=1, max_length=6)
    expires: Annotated[str, Field(max_length=10)] | None = None
    requests_per_minute: _Limit | None = None
    tokens_per_minute: _Limit | None = None


class KeyShape(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    team: str
    user: str
    project: str
    scopes: list[str]
    state: Literal["valid", "revoked", "expired"]
    requests_per_minute: int | None
    tokens_per_minute: int | None
    created_at: str
    expires_at: str | None


class KeysShape(BaseModel):
    """All keys, newest first."""

    keys: list[KeyShape]


class NewKeyShape(BaseModel):
    """A new key; `key` is shown this once."""

    id: str
    key: str


class RevokedShape(BaseModel):
    """`revoked` is false where the key was revoked before."""

    id: str
    revoked: bool


@router.post(
    "/v1/keys",
    summary="Make a key",
    status_code=201,
    response_model=None,
    responses={
        201: {"model": NewKeyShape, "description": "The key, shown this once."},
        **problems(400, 401, 403, 413, 415, 422, 503),
    },
)
async def create_key(body: KeyBody, request: Request) -> Response:
    """Make a key for a team, a person or a project."""
    caller = await caller_of(request, ADMIN)
    given = body.model_dump(exclude={"expires", "scopes"})
    new = NewKey(**given, scopes=tuple(body.scopes), expires_at=parse_expiry(body.expires))
    keys = accounts_of(request).keys
    key_id, key = await asyncio.to_thread(keys.create, new, actor_of(caller))
    return JSON({"id": key_id, "key": key}, status_code=201)


@router.get(
    "/v1/keys",
    summary="List the keys",
    response_model=None,
    responses={
        200: {"model": KeysShape, "description": "All keys; never their secrets."},
        **problems(401, 403, 503),
    },
)
async def list_keys(request: Request) -> Response:
    """Every key that was ever made."""
    await caller_of(request, ADMIN)
    rows = await asyncio.to_thread(accounts_of(request).keys.all)
    return JSON({"keys": [shown(row) for row in rows]})


@router.delete(
    "/v1/keys/{key_id}",
    summary="Revoke a key",
    response_model=None,
    responses={
        200: {"model": RevokedShape, "description": "It is refused from now on."},
        **problems(401, 403, 404, 503),
    },
)
async def revoke_key(
    key_id: Annotated[str, Path(max_length=32, examples=["0123456789ab"])], request: Request
) -> Response:
    """Refuse a key at once, in every process."""
    caller = await caller_of(request, ADMIN)
    keys = accounts_of(request).keys
    revoked = await asyncio.to_thread(keys.revoke, key_id, actor_of(caller))
    return JSON({"id": key_id, "revoked": revoked})


def actor_of(caller: Caller) -> str:
    """How the record of changes names a caller."""
    return f"key:{caller.key_id}" if caller.key_id else "local"
