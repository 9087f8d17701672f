"""POST /v1/search."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from groundwork.core.metering.prices import EMBED, RETRIEVE
from groundwork.core.money import format_dollars
from groundwork.retrieval.passages import Passage, Retrieval
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
        **problems(400, 403, 404, 413, 415, 422, 503),
    },
)
async def search(body: SearchBody, request: Request) -> Response:
    """The passages that fit a question best, with their scores, without an answer."""
    context = context_of(request)
    settings, assistant = context.settings, context.services.assistant
    query = checked_question(body.query, settings.service.max_question_chars, "query")
    trace = trace_of(request.scope)
    with trace.stage("retrieve"):
        found = await asyncio.to_thread(
            assistant.retriever.retrieve,
            query,
            body.index or settings.index.default,
            where=body.filters.to_filter() if body.filters is not None else None,
            limit=body.k or DEFAULT_K,
        )
    timings = trace.finish()
    context.services.metrics.stages(timings)
    content = {
        "index": found.index,
        "index_version": found.index_version,
        "confidence": round(found.confidence, 4),
        "results": [_result(passage) for passage in found.passages],
        "trace_id": trace.trace_id,
        "timings_ms": {name: round(value, 3) for name, value in timings.items()},
    }
    return JSON(content, headers={COST_HEADER: format_dollars(_picodollars(found, assistant))})


def _picodollars(found: Retrieval, assistant: Assistant) -> int:
    book, model = assistant.books.prices, assistant.retriever.embedder.model
    embedding = book.charge(EMBED, model, "input_tokens", found.query_tokens)
    return embedding.picodollars + book.charge(RETRIEVE, "qdrant", "searches", 1).picodollars


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
