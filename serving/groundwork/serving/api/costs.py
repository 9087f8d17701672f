"""GET /v1/costs, /v1/costs/export, /v1/costs/requests/{id}: what finance reads.

A key needs the scope `costs`. One that belongs to a team reads that team's costs and no others; one without a team, or
with the scope `admin`, reads all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any

import sqlalchemy as sql
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from groundwork.core.errors import Forbidden, NotFound
from groundwork.core.metering.callers import ADMIN, COSTS, Caller
from groundwork.core.metering.database import reading
from groundwork.core.metering.export import MEDIA_TYPES, export, file_name
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.spread import request_detail
from groundwork.core.metering.summary import summary
from groundwork.core.settings import CostsSettings
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.cost_shapes import CostParams, CostsShape, ExportParams, RequestShape
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON

router = APIRouter(tags=["costs"])


def _now() -> int:
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class Costs:
    """What these routes read; the composition root sets it as `app.state.costs`. `now` is in milliseconds."""

    engine: sql.Engine
    settings: CostsSettings
    now: Callable[[], int] = _now


def costs_of(request: Request) -> Costs:
    """The ledger that this service reports on."""
    costs: Costs = request.app.state.costs
    return costs


async def _reader(request: Request) -> Caller:
    """Raises Unauthenticated, Forbidden or Unavailable."""
    return await caller_of(request, COSTS)


Reader = Annotated[Caller, Depends(_reader)]


def _team_of(caller: Caller) -> str | None:
    """The only team whose costs the caller reads; None where it reads all."""
    return caller.team or None if not caller.may(ADMIN) else None


def _readable(query: CostQuery, caller: Caller) -> CostQuery:
    """The query, narrowed to what the caller may read. Raises Forbidden where it asks for another team's costs."""
    team = _team_of(caller)
    if team is None:
        return query
    if set(query.where.get("team", (team,))) != {team}:
        raise Forbidden(f"this key reads the costs of the team {team} only", field="team")
    return replace(query, where={**query.where, "team": (team,)})


@router.get(
    "/v1/costs",
    summary="Report what was spent",
    response_model=None,
    responses={
        200: {
            "model": CostsShape,
            "description": "Sums by group, exact to 10^-12 of the currency.",
        },
        **problems(401, 403, 422, 503),
    },
)
async def read_costs(
    params: Annotated[CostParams, Query()], caller: Reader, request: Request
) -> Response:
    """The report of `groundwork cost report --json`, with the same parameters."""
    costs = costs_of(request)
    query, include = _readable(params.query(), caller), params.sections()

    def read() -> dict[str, Any]:
        with reading(costs.engine) as connection:
            return summary(connection, query, include, costs.now())

    return JSON(await asyncio.to_thread(read))


@router.get(
    "/v1/costs/export",
    summary="Download the charges",
    response_model=None,
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
            },
            "description": "Every charge of the period, oldest first.",
        },
        **problems(401, 403, 422, 503),
    },
)  # fmt: skip
async def export_costs(
    params: Annotated[ExportParams, Query()], caller: Reader, request: Request
) -> Response:
    """The file of `groundwork cost export`, as a stream of bytes."""
    costs = costs_of(request)
    query = _readable(params.query(), caller)
    chunks = export(costs.engine, query, params.format, costs.settings)
    # What is wrong shows in the first chunk, while there can still be another status.
    first = await asyncio.to_thread(next, chunks, b"")
    return StreamingResponse(
        _streamed(first, chunks),
        media_type=MEDIA_TYPES[params.format],
        headers={"Content-Disposition": _disposition(params.format, query)},
    )


@router.get(
    "/v1/costs/requests/{request_id}",
    summary="Read one request's charges",
    response_model=None,
    responses={
        200: {"model": RequestShape, "description": "The request and every charge of it."},
        **problems(401, 403, 404, 503),
    },
)
async def read_request(
    request_id: Annotated[str, Path(max_length=64, examples=["ans-5f0c2a9e4b7d4c1f8a6e3b21"])],
    caller: Reader,
    request: Request,
) -> Response:
    """What one answer cost and why: its charges and their corrections, without any text of it."""
    costs = costs_of(request)

    def read() -> dict[str, Any]:
        with reading(costs.engine) as connection:
            found = request_detail(connection, request_id)
        if _team_of(caller) not in {None, found["team"]}:
            # Whether another team has such a request is theirs to know.
            raise NotFound(f"the ledger has no request {request_id[:80]}", field="request")
        return found

    return JSON(await asyncio.to_thread(read))


def _disposition(form: Any, query: CostQuery) -> str:
    return f'attachment; filename="{file_name(form, query)}"'


async def _streamed(first: bytes, chunks: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """In a thread, chunk by chunk; the database's cursor is given back also where the client leaves."""
    remaining = chain([first], chunks)
    try:
        while chunk := await asyncio.to_thread(next, remaining, b""):
            yield chunk
    finally:
        await asyncio.to_thread(chunks.close)  # type: ignore[attr-defined]  # exports are generators
