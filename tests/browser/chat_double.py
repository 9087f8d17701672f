"""A loopback double of the service, scripted by the test: the real pages, and canned answers to the API."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from groundwork.core.errors import NotFound
from groundwork.serving.web import routes

PASSAGE = {
    "n": 1,
    "title": "Index versions",
    "url": "https://docs.example/guides/indexes",
    "anchor": "roll-back",
    "heading_path": ["Index versions", "Roll back"],
    "quote": "To go back one version:\n\n    groundwork index rollback",
    "start": 0,
    "end": 40,
    "revision": "sha256:00",
}
SECOND = {
    **PASSAGE,
    "n": 2,
    "title": "Command line",
    "url": "reference/cli.md",
    "anchor": "index",
    "heading_path": ["Command line", "groundwork index"],
    "quote": "Exit codes: 0 done, 1 failed, 2 usage.",
}
TEXT = "Run `groundwork index rollback` [1]. It prints what is live afterwards [2]."


def passage(n: int, **changes: Any) -> dict[str, Any]:
    """A citation."""
    return {**PASSAGE, "n": n, **changes}


def finished(text: str = TEXT, **changes: Any) -> dict[str, Any]:
    """The whole answer object, as `done` carries it."""
    charges = [
        {"stage": "embed", "meter": "tokens", "quantity": 1200, "amount": "0.00000000024"},
        {"stage": "generate", "meter": "tokens", "quantity": 60, "amount": "0.00000000012"},
    ]
    return {
        "id": "ans-0001",
        "created_at": "2026-01-01T00:00:00Z",
        "question": "?",
        "index": "docs",
        "release": "rel-0123456789abcdef",
        "index_version": "v00012-9f3c",
        "model": "extractive",
        "answer": text,
        "abstained": False,
        "reason": None,
        "confidence": 0.91,
        "citations": [PASSAGE, SECOND],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 60, "total_tokens": 1260},
        "cost": {
            "currency": "USD",
            "amount": "0.00000000036",
            "picodollars": 360,
            "charges": charges,
        },
        "budget": None,
        "rails": [{"rail": "injection", "on": "input", "verdict": "allow"}],
        "timings_ms": {"retrieve": 3.25, "total": 12.3},
        "trace_id": "4bf92f3577b34da6",
        **changes,
    }


@dataclass
class Gate:
    """Holds a stream back until the test opens it."""

    loop: asyncio.AbstractEventLoop
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        self.loop.call_soon_threadsafe(self.event.set)


@dataclass(frozen=True)
class Sent:
    """One server-sent event."""

    name: str
    data: Any

    def encode(self) -> bytes:
        return f"event: {self.name}\ndata: {json.dumps(self.data)}\n\n".encode()


def delta(text: str) -> Sent:
    return Sent("delta", {"text": text})


def whole(text: str = TEXT, **changes: Any) -> list[Sent]:
    """An answer in one piece."""
    return [delta(text), Sent("done", finished(text, **changes))]


Step = Sent | Gate | bytes


@dataclass
class Double:
    """What the test scripts, and what the page sent."""

    replies: deque[list[Step] | Response] = field(default_factory=deque)
    feedback_replies: deque[Response] = field(default_factory=deque)
    indexes: list[str] = field(default_factory=lambda: ["docs"])
    api_key: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    clicks: list[tuple[str, int]] = field(default_factory=list)
    clicks_fail: bool = False
    disconnected: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    loop: asyncio.AbstractEventLoop | None = None

    def gate(self) -> Gate:
        assert self.loop is not None
        return Gate(self.loop)

    def reply(self, *steps: Step) -> None:
        """What the next question gets; without any, a short answer with two citations."""
        self.replies.append(list(steps))

    def refuse(self, status: int, detail: str, **headers: str) -> None:
        """The next question gets a problem document."""
        self.replies.append(problem(status, detail, headers))

    def reset(self) -> None:
        """Everything as at the start, at the same address."""
        self.__dict__.update(Double(url=self.url, loop=self.loop).__dict__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    body = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    all_headers = {"X-Request-ID": f"req-{status}", **named}
    return JSONResponse(body, status, all_headers, media_type="application/problem+json")


@dataclass(frozen=True)
class Endpoints:
    """What the page calls."""

    double: Double

    def _refused(self, request: Request) -> Response | None:
        expected = self.double.api_key
        if expected is None or request.headers.get("authorization") == f"Bearer {expected}":
            return None
        return problem(401, "send a key as Authorization: Bearer")

    async def ask(self, request: Request) -> Response:
        if (no := self._refused(request)) is not None:
            return no
        self.double.asked.append(await request.json())
        reply = self.double.replies.popleft() if self.double.replies else list[Step](whole())
        if isinstance(reply, Response):
            return reply
        return StreamingResponse(_play(reply, self.double), media_type="text/event-stream")

    async def feedback(self, request: Request) -> Response:
        self.double.feedback.append(await request.json())
        if self.double.feedback_replies:
            return self.double.feedback_replies.popleft()
        return JSONResponse({"id": len(self.double.feedback)}, 201)

    async def clicks(self, request: Request) -> Response:
        if (no := self._refused(request)) is not None:
            return no
        body = await request.json()
        self.double.clicks.append((body["answer_id"], body["citation"]))
        return problem(503, "down") if self.double.clicks_fail else JSONResponse(body, 201)

    async def models(self, request: Request) -> Response:
        if (no := self._refused(request)) is not None:
            return no
        names = self.double.indexes
        return JSONResponse({"data": [{"id": f"groundwork/{name}"} for name in names]})


async def _missing(request: Request, error: Exception) -> Response:
    return problem(404, str(error))


def application(double: Double) -> Starlette:
    """The pages and the endpoints that they use."""
    endpoints = Endpoints(double)
    api = [
        Route("/v1/ask", endpoints.ask, methods=["POST"]),
        Route("/v1/feedback", endpoints.feedback, methods=["POST"]),
        Route("/v1/clicks", endpoints.clicks, methods=["POST"]),
        Route("/v1/models", endpoints.models),
    ]
    return Starlette(routes=[*routes(), *api], exception_handlers={NotFound: _missing})


async def _play(steps: list[Step], double: Double) -> AsyncIterator[bytes]:
    start = {"id": "ans-0001", "trace_id": "4bf9", "index": "docs", "index_version": "v00012-9f3c"}
    yield b": keep-alive\n\n"
    yield Sent(
        "start", {**start, "release": "rel-0123456789abcdef", "model": "extractive"}
    ).encode()
    disconnected = double.disconnected  # of this test, whenever the stream ends
    try:
        for step in steps:
            if isinstance(step, Gate):
                await step.event.wait()
            else:
                yield step if isinstance(step, bytes) else step.encode()
    except (asyncio.CancelledError, GeneratorExit):
        disconnected.set()
        raise


class Loopback:
    """Serves the double on a free port of 127.0.0.1, in a thread."""

    def __init__(self) -> None:
        self.double = Double()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.double.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Double:
        self._thread.start()
        assert self._ready.wait(30)
        return self.double

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)
        self._listening.close()

    async def _serve(self) -> None:
        self.double.loop = asyncio.get_running_loop()
        app = application(self.double)

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            self._ready.set()
            yield

        app.router.lifespan_context = lifespan
        config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._listening])
