"""Engines, doubles and odd servers for tests of the engine's client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiohttp import web

from groundwork.core.settings import EngineSettings
from groundwork.serving.engine.attempts import Retries
from groundwork.serving.engine.base import ChatRequest, End, Message, Token
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.script import Script


class Pauses:
    """A sleep that only remembers, and the upper end of every jitter."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def retries(self, tries: int) -> Retries:
        return Retries(tries, sleep=self, random=lambda: 1.0)


def ask(text: str = "How do I restore a backup?", **more: Any) -> ChatRequest:
    return ChatRequest((Message("user", text),), max_tokens=64, **more)


async def read(engine: HttpEngine, request: ChatRequest | None = None) -> tuple[str, End]:
    """The text and the end of a stream."""
    text: list[str] = []
    async with aclosing(engine.stream(request or ask())) as events:
        async for event in events:
            if isinstance(event, End):
                return "".join(text), event
            text.append(event.text)
    raise AssertionError("no End")


async def read_until_it_fails(engine: HttpEngine) -> list[Token]:
    """Collects tokens, so that a test sees what left before an error; re-raises it with them in `args`."""
    tokens: list[Token] = []
    try:
        async with aclosing(engine.stream(ask())) as events:
            async for event in events:
                assert isinstance(event, Token)
                tokens.append(event)
    except Exception as error:
        error.args = (*error.args, tokens)
        raise
    return tokens


@asynccontextmanager
async def engine_at(
    url: str, *, pauses: Pauses | None = None, **settings: Any
) -> AsyncIterator[HttpEngine]:
    made = EngineSettings(url=url, **settings)
    retries = pauses.retries(made.retries) if pauses is not None else None
    engine = HttpEngine("default", made, retries=retries)
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def doubled(
    script: Script | None = None, *, pauses: Pauses | None = None, **settings: Any
) -> AsyncIterator[tuple[HttpEngine, EngineDouble]]:
    double = EngineDouble(script)
    async with double.serving() as url, engine_at(url, pauses=pauses, **settings) as engine:
        yield engine, double


@asynccontextmanager
async def serving(
    chat: Callable[[web.Request], Awaitable[web.StreamResponse]],
    models: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None,
) -> AsyncIterator[str]:
    """A server with one's own answer to a chat request."""

    async def list_models(request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": "odd", "object": "model"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models or list_models)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def saying(*frames: bytes) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers with these bytes as an event stream."""

    async def chat(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"".join(frames), content_type="text/event-stream")

    return chat


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110  # the other side has no event to wait for
            await asyncio.sleep(0.01)
