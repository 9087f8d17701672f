"""Server-sent events over ASGI: keep-alive comments, and an end as soon as the client is gone.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

KEEP_ALIVE_SECONDS = 10.0
_KEEP_ALIVE = b": keep-alive\n\n"


def event(name: str, data: Any) -> bytes:
    """One named event with JSON data."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def data_only(data: Any) -> bytes:
    """One unnamed event with JSON data, as OpenAI streams them."""
    return b"data: " + orjson.dumps(data) + b"\n\n"


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """Streams frames. `close` is awaited at the end, however it comes: done, failed or client gone."""

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        close: Callable[[], Awaitable[None]],
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        own = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(headers={**own, **(headers or {})})
        del self.headers["content-length"]
        self._frames = frames
        self._close = close
        self._keep_alive_seconds = keep_alive_seconds
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the stream."""
        del scope
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(disconnected(receive))
        keeping = asyncio.create_task(self._keep_alive(send))
        tasks = (writing, leaving, keeping)
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._frames.aclose()
            await self._close()
        if not writing.cancelled():
            writing.result()

    async def _write(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": list(self.raw_headers),
            }
        )
        async for frame in self._frames:
            await self._send(send, frame)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _keep_alive(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        while True:
            quiet = loop.time() - self._sent_at
            if quiet < self._keep_alive_seconds:
                await asyncio.sleep(self._keep_alive_seconds - quiet)
            else:
                await self._send(send, _KEEP_ALIVE)

    async def _send(self, send: Send, frame: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": frame, "more_body": True})
