"""GET /v1/costs, /v1/costs/export, /v1/costs/requests/{id}: what finance reads.

Who may read them is decided where the router is included (`app.py`): its dependency asks for the scope `costs`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import sqlalchemy as sql
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from groundwork.core.metering.database import reading
from groundwork.core.metering.export import MEDIA_TYPES, export, file_name
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.spread import request_detail
from groundwork.core.metering.summary import summary
from groundwork.core.settings import CostsSettings
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


@router.get(
    "/v1/costs",
    summary="Report what was spent",
    response_model=None,
    responses={
        200: {
            "model": CostsShape,
            "description": "Sums by group, exact to 10^-12 of the currency.",
        },
        **problems(403, 422, 503),
    },
)
async def read_costs(params: Annotated[CostParams, Query()], request: Request) -> Response:
    """The report of `groundwork cost report --json`, with the same parameters."""
    costs = costs_of(request)
    query, include = params.query(), params.sections()

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
        **problems(403, 422, 503),
    },
)  # fmt: skip
async def export_costs(params: Annotated[ExportParams, Query()], request: Request) -> Response:
    """The file of `groundwork cost export`, as a stream of bytes."""
    costs = costs_of(request)
    query = params.query()
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
        **problems(403, 404, 503),
    },
)
async def read_request(
    request_id: Annotated[str, Path(max_length=64, examples=["ans-5f0c2a9e4b7d4c1f8a6e3b21"])],
    request: Request,
) -> Response:
    """What one answer cost and why: its charges and their corrections, without any text of it."""
    costs = costs_of(request)

    def read() -> dict[str, Any]:
        with reading(costs.engine) as connection:
            return request_detail(connection, request_id)

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
