"""POST /v1/search."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from groundwork.core.metering.accounts import Expected, Ticket
from groundwork.core.metering.callers import SEARCH, Caller
from groundwork.core.metering.prices import EMBED, RETRIEVE
from groundwork.core.metering.tally import INPUT, SEARCHES, Tally
from groundwork.core.money import format_dollars
from groundwork.core.telemetry import Trace
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.budgets import spending_headers
from groundwork.serving.api.context import context_of, trace_of
from groundwork.serving.api.describe import COST_HEADERS, problems
from groundwork.serving.api.responses import COST_HEADER, JSON, JsonRoute
from groundwork.serving.api.schemas import SearchBody
from groundwork.serving.api.shapes import SearchShape
from groundwork.serving.assistant import Assistant
from groundwork.serving.questions import checked_question

router = APIRouter(route_class=JsonRoute, tags=["search"])

DEFAULT_K = 5


@router.post(
    "/v1/search",
    summary="Find passages",
    response_model=None,
    responses={
        200: {
            "model": SearchShape,
            "description": "The passages, best first.",
            "headers": COST_HEADERS,
        },
        **problems(400, 401, 402, 403, 404, 413, 415, 422, 429, 503),
    },
)
async def search(body: SearchBody, request: Request) -> Response:
    """The passages that fit a question best, with their scores, without an answer."""
    context = context_of(request)
    settings = context.settings
    query = checked_question(body.query, settings.service.max_question_chars, "query")
    caller = await caller_of(request, SEARCH)
    trace = trace_of(request.scope)
    index = body.index or settings.index.default
    with context.services.assistants.standing(index) as assistant:
        with trace.stage("retrieve"):
            ticket, found = await asyncio.to_thread(_search, body, query, index, assistant, caller)
        timings = trace.finish()
        picodollars = await asyncio.to_thread(_charge, found, assistant, ticket, trace)
    context.services.metrics.stages(timings)
    headers = {COST_HEADER: format_dollars(picodollars), **spending_headers(ticket)}
    content = {
        "index": found.index,
        "index_version": found.index_version,
        "confidence": round(found.confidence, 4),
        "results": [_result(passage) for passage in found.passages],
        "trace_id": trace.trace_id,
        "timings_ms": {name: round(value, 3) for name, value in timings.items()},
    }
    return JSON(content, headers=headers)


def _search(
    body: SearchBody, query: str, index: str, assistant: Assistant, caller: Caller
) -> tuple[Ticket, Retrieval]:
    accounts, embedder = assistant.books.accounts, assistant.retriever.embedder
    request_id = "srch-" + secrets.token_hex(12)
    search = Expected("qdrant", 0, 0, ((SEARCHES, 1),))
    expected = Expected(embedder.model, embedder.count_tokens(query), 0, beside=(search,))
    ticket = accounts.admit(request_id, caller, expected)
    try:
        found = assistant.retriever.retrieve(
            query,
            index,
            where=body.filters.to_filter() if body.filters is not None else None,
            limit=body.k or DEFAULT_K,
        )
    except BaseException:
        accounts.drop(request_id, ticket)
        raise
    return ticket, found


def _charge(found: Retrieval, assistant: Assistant, ticket: Ticket, trace: Trace) -> int:
    """Charge a search; returns what it cost."""
    tally = Tally()
    tally.add(EMBED, assistant.retriever.embedder.model, INPUT, found.query_tokens)
    tally.add(RETRIEVE, "qdrant", SEARCHES, 1)
    accounts, model = assistant.books.accounts, assistant.retriever.embedder.model
    return accounts.charge(ticket, tally, trace, model=model, index=found.index).picodollars


def _result(passage: Passage) -> dict[str, Any]:
    chunk = passage.chunk
    url = chunk.url or chunk.page
    return {
        "id": chunk.id,
        "score": round(passage.score, 6),
        "dense": round(passage.dense, 6),
        "sparse": round(passage.sparse, 6),
        "title": chunk.title,
        "url": url,
        "anchor": chunk.anchor,
        "link": f"{url}#{chunk.anchor}" if chunk.anchor else url,
        "heading_path": list(chunk.heading_path),
        "text": chunk.text,
        "page": chunk.page,
        "revision": chunk.revision,
        "tags": list(chunk.tags),
        "product_version": chunk.product_version,
    }
