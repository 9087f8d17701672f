"""GET /pages/{index}/{page}: an indexed page as the assistant read it, so that a citation can always be followed.

For documentation without a public address, such as the bundled one. The text is shown as it stands in the source,
one section under its heading and anchor; nothing of it becomes markup.
"""

from __future__ import annotations

import asyncio
from html import escape
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from groundwork.core.documents import Chunk
from groundwork.core.errors import NotFound
from groundwork.core.metering.callers import ASK
from groundwork.ingestion.chunk import chunk_id
from groundwork.retrieval.index.base import MANIFEST, IndexReader
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.live import LiveReaders
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.schemas import INDEX_PATTERN
from groundwork.serving.web import HEADERS

router = APIRouter(tags=["pages"])

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<main>
<p><a href="/">Ask a question</a> · {index}@{version} · {page}</p>
<h1>{title}</h1>
{sections}
</main>
</body>
</html>
"""


@router.get(
    "/pages/{index}/{page:path}",
    summary="Read an indexed page",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {}}, "description": "The page as it was indexed."},
        **problems(401, 403, 404, 503),
    },
)
async def read_page(
    index: Annotated[str, Path(pattern=INDEX_PATTERN, examples=["docs"])],
    page: Annotated[str, Path(examples=["quickstart.md"])],
    request: Request,
) -> Response:
    """The live version's text of a page, section by section."""
    if not context_of(request).settings.service.public_pages:
        await caller_of(request, ASK)
    content = await asyncio.to_thread(_render, context_of(request).services.readers, index, page)
    return Response(content, media_type="text/html", headers=HEADERS)


def _render(readers: LiveReaders, index: str, page: str) -> str:
    with readers.lease(index) as reader:
        chunks = _chunks(reader, page)
        return _PAGE.format(
            title=escape(chunks[0].title),
            index=escape(index),
            version=escape(reader.version),
            page=escape(page),
            sections="\n".join(_sections(chunks)),
        )


def _chunks(reader: IndexReader, page: str) -> list[Chunk]:
    blob = reader.blob(MANIFEST)
    entry = Manifest.from_json(blob).by_page().get(page) if blob else None
    if entry is None:
        raise NotFound(f"index {reader.index} holds no page {page}", field="page")
    ids = [chunk_id(page, n) for n in range(len(entry.chunks))]
    return [stored.chunk for stored in reader.fetch(ids)]


def _sections(chunks: list[Chunk]) -> list[str]:
    sections = []
    for (anchor, path), group in groupby(chunks, key=lambda each: (each.anchor, each.heading_path)):
        text = "\n\n".join(chunk.text for chunk in group)
        heading = f"<h2>{escape(path[-1])}</h2>\n" if len(path) > 1 else ""
        name = f' id="{escape(anchor)}"' if anchor else ""
        sections.append(f"<section{name}>\n{heading}<pre>{escape(text)}</pre>\n</section>")
    return sections
