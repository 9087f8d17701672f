"""What happens around every request. Pure ASGI: hooks by decorator cost 2.7 times the CPU on streams."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundwork.core.errors import Forbidden, PayloadTooLarge
from groundwork.core.monitoring.metrics import UNMATCHED
from groundwork.core.monitoring.tracing.spans import Spans, spans_of
from groundwork.core.telemetry import Trace
from groundwork.serving.api.context import Context
from groundwork.serving.api.problems import Failure, render
from groundwork.serving.api.responses import CLIENT_CLOSED_REQUEST
from groundwork.serving.monitoring import Monitoring

_access = logging.getLogger("groundwork.access")
_log = logging.getLogger("groundwork.serving")

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

# A response that sets one of these itself (the pages have a policy of their own) keeps its value.
_DEFAULT_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cache-control": b"no-store",
}


def is_loopback(host: str) -> bool:
    """Whether an address to bind can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Observe:
    """Begins the trace; adds ids and security headers; counts and logs the request; answers what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        trace = Trace(Headers(scope=scope).get("traceparent"))
        scope.setdefault("state", {})["trace"] = trace
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, trace)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.error("%s trace=%s failed unexpectedly", _route(scope), trace.trace_id)
            scope["state"]["problem"] = Failure.unexpected().code
            if not status:
                await render(Failure.unexpected(), scope)(scope, receive, send_with_headers)
            raise
        finally:
            _account(scope, status or CLIENT_CLOSED_REQUEST, time.perf_counter() - began, trace)


class Guard:
    """Keeps other sites' pages out of a service that trusts whoever can reach it.

    Where the service is bound to loopback, only loopback names are answered, so a name that is rebound to
    127.0.0.1 gets nothing; elsewhere callers need keys, which other sites' pages have not. Requests that change
    something are refused where the browser says that another site sent them.
    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1") -> None:
        self._app = app
        self._hosts = _LOOPBACK_NAMES | {host.lower()} if is_loopback(host) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            reason = self._refusal(scope["method"], Headers(scope=scope))
            if reason is not None:
                await render(Failure.of(Forbidden(reason)), scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "").lower()
        if self._hosts is not None and _without_port(host) not in self._hosts:
            return "this service answers on loopback only; call it as 127.0.0.1 or localhost"
        if method in _SAFE_METHODS:
            return None
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        foreign = site not in {None, "same-origin", "none"}
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            foreign = True
        return "requests from another site's pages are refused" if foreign else None


class BodyLimit:
    """Reads the body up to a limit before the application runs, also one of undeclared length."""

    def __init__(
        self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int] | None = None
    ) -> None:
        """`by_path` are limits of paths that take more, such as pictures."""
        self._app = app
        self._max_bytes = max_bytes
        self._by_path = by_path or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        most = self._by_path.get(scope["path"], self._max_bytes)
        more = not _declared_more(Headers(scope=scope), most)
        too_large = not more
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            too_large = len(body) > most
            more = message.get("more_body", False) and not too_large
        if too_large:
            error = PayloadTooLarge(f"the body may have {most:,} bytes; send less")
            await render(Failure.of(error), scope)(scope, receive, send)
            return
        await self._app(scope, _replayed(bytes(body), receive), send)


def _declared_more(headers: Headers, most: int) -> bool:
    declared = headers.get("content-length", "")
    # Sixteen digits are beyond any limit, and int() refuses very long ones.
    return declared.isdecimal() and int(declared[:16]) > most


def _replayed(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _add_headers(message: Message, trace: Trace) -> None:
    headers = message.setdefault("headers", [])
    present = {bytes(name).lower() for name, _ in headers}
    headers.extend(pair for pair in _DEFAULT_HEADERS.items() if pair[0] not in present)
    headers.append((b"x-request-id", trace.trace_id.encode()))
    headers.append((b"traceparent", trace.traceparent.encode()))


def _account(scope: Scope, status: int, seconds: float, trace: Trace) -> None:
    context: Context = scope["app"].state.context
    metrics = context.services.metrics
    metrics.request(_route(scope), scope["method"], status, seconds)
    problem = scope["state"].get("problem")
    if problem is not None:
        metrics.error(problem)
    _trace(scope, status, trace, problem)
    _access.info(
        "%s %s %d %.1fms trace=%s",
        quote(scope["method"]),
        quote(scope["path"][:200]),
        status,
        seconds * 1000,
        trace.trace_id,
    )


def _trace(scope: Scope, status: int, trace: Trace, problem: str | None) -> None:
    """Hand on the trace of a request that took steps and was no answer: those are traced where they are recorded."""
    monitoring: Monitoring | None = getattr(scope["app"].state, "monitoring", None)
    if monitoring is None or not trace.stages:
        return
    failed = status >= 500
    about = {
        "http.request.method": scope["method"],
        "http.route": _route(scope),
        "http.response.status_code": status,
        "groundwork.problem": problem,
    }

    def make() -> Spans:
        name = f"{scope['method']} {_route(scope)}"
        return spans_of(
            trace, name, error=(problem or str(status)) if failed else "", attributes=about
        )

    monitoring.tracer.emit(trace, make, failed=failed)


def _route(scope: Scope) -> str:
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return template or UNMATCHED


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
