from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from groundwork.serving.api.sse import EventStream


class Client:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.leave = asyncio.Event()
        self.enough = asyncio.Event()
        self.finished = False

    async def receive(self) -> dict[str, Any]:
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.bodies.append(message["body"])
            self.finished = not message["more_body"]
            if self.bodies.count(b": keep-alive\n\n") >= 3:
                self.enough.set()


class Closing:
    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


async def test_a_quiet_stream_is_kept_alive_by_comments() -> None:
    client, closing = Client(), Closing()

    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        await client.enough.wait()
        yield b"data: 2\n\n"

    stream = EventStream(frames(), closing, keep_alive_seconds=0.001)
    await asyncio.wait_for(stream({"type": "http"}, client.receive, client.send), 5)
    assert client.bodies[0] == b"data: 1\n\n"
    assert client.bodies.count(b": keep-alive\n\n") >= 3
    assert client.finished
    assert closing.times == 1


async def test_a_busy_stream_has_no_comments() -> None:
    client, closing = Client(), Closing()

    async def frames() -> AsyncGenerator[bytes, None]:
        for _ in range(100):
            yield b"data: x\n\n"
            await asyncio.sleep(0)

    stream = EventStream(frames(), closing, keep_alive_seconds=60)
    await asyncio.wait_for(stream({"type": "http"}, client.receive, client.send), 5)
    assert client.bodies == [b"data: x\n\n"] * 100 + [b""]


async def test_leaving_closes_the_frames_wherever_they_wait() -> None:
    client, closing = Client(), Closing()
    began, closed = asyncio.Event(), asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            began.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    stream = EventStream(frames(), closing)
    running = asyncio.create_task(stream({"type": "http"}, client.receive, client.send))
    await asyncio.wait_for(began.wait(), 5)
    client.leave.set()
    await asyncio.wait_for(running, 5)
    assert closed.is_set()
    assert closing.times == 1
    assert not client.finished


async def test_a_failing_stream_raises_after_it_is_closed() -> None:
    client, closing = Client(), Closing()

    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await EventStream(frames(), closing)({"type": "http"}, client.receive, client.send)
    assert closing.times == 1
    assert not client.finished
