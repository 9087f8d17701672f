"""GET /gaps: what the documentation does not say, for those who write it."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from groundwork.core.metering.callers import ADMIN
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.schemas import INDEX_PATTERN
from groundwork.serving.gaps import Gap, GapReport, gaps_of
from groundwork.serving.web import HEADERS

router = APIRouter(tags=["operations"])

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gaps in {index}</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<main>
<p><a href="/">Ask a question</a> · {index}</p>
<h1>What the documentation does not say</h1>
<p>{missed:,} of {asked:,} questions since {since} found nothing or were answered wrong.</p>
{gaps}
</main>
</body>
</html>
"""


@router.get(
    "/gaps",
    summary="Say what the documentation lacks",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {}}, "description": "Groups of questions, worst first."},
        **problems(401, 403, 404, 422, 503),
    },
)
async def read_gaps(
    request: Request,
    index: Annotated[str | None, Query(pattern=INDEX_PATTERN, max_length=63)] = None,
    days: Annotated[float, Query(gt=0, le=366)] = 7.0,
) -> Response:
    """Questions of the last days that found nothing or were judged wrong, with the pages that should have answered."""
    await caller_of(request, ADMIN)
    context = context_of(request)
    services = context.services
    name = index or context.settings.index.default
    retriever = services.assistant.retriever
    report = await asyncio.to_thread(gaps_of, services.store, retriever, name, days)
    return Response(gaps_page(report), media_type="text/html", headers=HEADERS)


def gaps_page(report: GapReport) -> str:
    """The report as a page; nothing that anybody asked becomes markup."""
    sections = [_section(number, gap) for number, gap in enumerate(report.gaps, 1)]
    return _PAGE.format(
        index=escape(report.index),
        missed=report.missed,
        asked=report.asked,
        since=escape(report.since[:10]),
        gaps="\n".join(sections) or "<p>Nothing is missing.</p>",
    )


def _section(number: int, gap: Gap) -> str:
    about = f"Asked {gap.count:,} times"
    if gap.disliked:
        about += f", disliked {gap.disliked:,} times"
    if gap.off_topic:
        about += "; no page is near to it"
    questions = "".join(f"<li>{escape(question)}</li>" for question in gap.questions)
    pages = "".join(
        f"<li>{escape(page.title)} ({escape(page.page)}, {page.near:.2f})</li>"
        for page in gap.pages
    )
    should = f"<p>Should have answered:</p><ul>{pages}</ul>" if pages else ""
    return (
        f"<section><h2>{number}. {escape(gap.title)}</h2>"
        f"<p>{about}.</p><ul>{questions}</ul>{should}</section>"
    )
