"""POST /v1/ocr."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import Response

from groundwork.core.errors import (
    BadRequest,
    InvalidInput,
    NotFound,
    Unavailable,
    UnsupportedMediaType,
)
from groundwork.core.metering.callers import OCR
from groundwork.core.money import format_dollars
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.budgets import spending_headers
from groundwork.serving.api.context import context_of, trace_of
from groundwork.serving.api.describe import COST_HEADERS, problems
from groundwork.serving.api.responses import COST_HEADER, JSON

if TYPE_CHECKING:
    from PIL.Image import Image

    from groundwork.serving.documents import Documents, Page, Read, Wish

router = APIRouter(tags=["ocr"])

_FORM = "multipart/form-data"
_PICTURES = frozenset({
    "image/jpeg", "image/png", "image/webp", "image/tiff", "application/pdf", "application/octet-stream",
})  # fmt: skip
_MOST_FILES = 20


class OcrPageShape(BaseModel):
    """One page. Coordinates are pixels of the picture, x to the right, y down; `picture` and `saliency` are PNG in Base64."""

    document: int
    page: int
    width: int
    height: int
    card: dict[str, Any] | None
    confidence: float
    fields: list[dict[str, Any]]
    mrz: dict[str, Any] | None
    lines: list[dict[str, Any]]
    engine: str
    timings_ms: dict[str, float]
    picture: str | None = None
    saliency: str | None = None


class OcrShape(BaseModel):
    """What was read, page by page, in the order of the documents."""

    id: str
    release: str
    pages: list[OcrPageShape]
    cost: dict[str, Any]
    budget: dict[str, Any] | None
    trace_id: str
    timings_ms: dict[str, float]


_BODY = {
    "content": {
        **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(_PICTURES)},
        _FORM: {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
                "required": ["file"],
            }
        },
    },
    "required": True,
}


@router.post(
    "/v1/ocr",
    summary="Read cards and documents",
    response_model=None,
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {"model": OcrShape, "description": "The pages.", "headers": COST_HEADERS},
        **problems(400, 401, 402, 403, 404, 413, 415, 422, 429, 503),
    },
)
async def ocr(
    request: Request,
    find_card: Annotated[bool, Query(description="Look for a card and straighten it.")] = True,
    draw: Annotated[bool, Query(description="Give the picture back with boxes.")] = False,
    explain: Annotated[
        bool, Query(description="Give a picture back of what decided the reading.")
    ] = False,
) -> Response:
    """Find the card, its text and its fields in one picture, or in several as a form.

    The body is a JPEG, PNG, WebP, TIFF or PDF, or a form with up to 20 files named `file`.
    """
    from groundwork.serving.documents import Wish

    caller = await caller_of(request, OCR)
    context, trace = context_of(request), trace_of(request.scope)
    service = _service(request)
    documents = await _documents(request)
    wish = Wish(find_card, draw, explain)
    place = _places(request, context.settings.ocr.max_concurrency)
    if place.locked():
        raise Unavailable("as many documents as can be are being read; try again", retry_after=1.0)
    async with place:
        read, pages = await asyncio.to_thread(_read, service, documents, wish, caller, trace)
    timings = trace.finish()
    context.services.metrics.stages(timings)
    headers = {
        COST_HEADER: format_dollars(read.posting.picodollars),
        **spending_headers(read.ticket),
    }
    content = {
        "id": read.id,
        "release": read.release,
        "pages": pages,
        "cost": read.posting.cost(),
        "budget": read.ticket.budget(),
        "trace_id": trace.trace_id,
        "timings_ms": {name: round(value, 3) for name, value in timings.items()},
    }
    return JSON(content, headers=headers)


def _read(
    service: Documents, documents: list[bytes], wish: Wish, caller: Any, trace: Any
) -> tuple[Read, list[dict[str, Any]]]:
    read = service.read(documents, wish, caller, trace)
    return read, [_page(page) for page in read.pages]


async def _documents(request: Request) -> list[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        if kind not in _PICTURES:
            raise UnsupportedMediaType(
                f"the content type is {kind or 'missing'}; send image/jpeg, image/png, image/webp, image/tiff, "
                f"application/pdf or {_FORM}",
                field="content-type",
            )
        return [await request.body()]
    try:
        async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FILES) as form:
            files = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
            documents = [await one.read() for one in files]
    except MultiPartException as error:
        raise BadRequest(f"the form cannot be read: {error.message}", field="body") from None
    if not documents:
        raise InvalidInput("the form has no file; name it `file`", field="file")
    return documents


def _service(request: Request) -> Documents:
    """The composition root sets it as `app.state.documents`; a service made of fakes has none."""
    service: Documents | None = getattr(request.app.state, "documents", None)
    if service is None:
        raise NotFound("nothing reads documents in this service", field="ocr")
    return service


def _places(request: Request, count: int) -> asyncio.Semaphore:
    state = request.app.state
    if not hasattr(state, "reading_places"):
        state.reading_places = asyncio.Semaphore(count)
    places: asyncio.Semaphore = state.reading_places
    return places


def _page(page: Page) -> dict[str, Any]:
    said = page.reading.to_dict()
    said.pop("release")
    shown = {"document": page.document, "page": page.number, **said}
    if page.drawn is not None:
        shown["picture"] = _png(page.drawn)
    if page.saliency is not None:
        shown["saliency"] = _png(page.saliency)
    return shown


def _png(picture: Image) -> str:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
