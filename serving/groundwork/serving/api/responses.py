"""Responses that are written by orjson, and routes that read nothing but JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from groundwork.core.errors import BadRequest, UnsupportedMediaType

# What nginx logs for a client that left before the answer; nobody receives it.
CLIENT_CLOSED_REQUEST = 499

COST_HEADER = "X-Groundwork-Cost"


class JSON(Response):
    """A JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """UTF-8, without white space."""
        return orjson.dumps(content)


class JsonRoute(APIRoute):
    """Refuses a body that is not JSON before anything reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler behind the check."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method == "POST":
                _require_json(request)
                if not await request.body():
                    raise BadRequest("the body is empty; send a JSON object")
            return await handle(request)

        return checked


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        shown = media_type or "no Content-Type"
        raise UnsupportedMediaType(f"{shown[:80]} is not read here; send application/json")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaType("compressed bodies are not read; send the JSON as it is")
