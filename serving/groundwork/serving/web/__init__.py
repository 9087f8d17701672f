"""The pages: static files without a build step, a framework or anything from another origin.

`routes()` serves the chat page at "/", the cost page at "/costs" and every file of this folder under "/static/". Each response carries
a policy under which neither inline script nor inline style nor another origin's content can run, and
an ETag that browsers revalidate: the files keep their names between releases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from groundwork.core.errors import NotFound

PAGES = {"/": "chat.html", "/costs": "costs.html"}
"""Which file answers at which path."""

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, by suffix; other files of this folder are not."""

# The last two make the browser itself refuse innerHTML and the like.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    media_type: str
    etag: str


def asset(name: str) -> tuple[bytes, str]:
    """A file of this folder and its media type. Raises NotFound for a name that is not served."""
    found = _assets().get(name)
    if found is None:
        raise NotFound(f"There is no file {name!r} among the pages.")
    return found.content, found.media_type


def routes() -> list[Route]:
    """The pages and "/static/{name}", for GET and HEAD. An unknown name raises NotFound."""
    pages = [Route(path, _page(name), name=name) for path, name in PAGES.items()]
    return [*pages, Route("/static/{name}", _static, name="static")]


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _respond(request, name)

    return endpoint


async def _static(request: Request) -> Response:
    return _respond(request, request.path_params["name"])


def _respond(request: Request, name: str) -> Response:
    content, media_type = asset(name)
    headers = {**HEADERS, "ETag": _assets()[name].etag}
    if _matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _matches(condition: str | None, etag: str) -> bool:
    """Weak comparison, as RFC 9110, 13.1.2 asks of If-None-Match."""
    if condition is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in condition.split(",")}
    return "*" in tags or etag in tags


@cache
def _assets() -> dict[str, _Asset]:
    found = {}
    for file in files(__name__).iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if file.is_file() and suffix in MEDIA_TYPES:
            content = file.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            found[file.name] = _Asset(content, MEDIA_TYPES[suffix], etag)
    return found
