"""A load generator: chat requests over raw aiohttp, timed at the client."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import orjson

# Text has come: a delta of OpenAI's with content that is not empty, or a delta event of /v1/ask.
_OPENAI_TEXT = re.compile(rb'"content": ?"[^"]')
_ASK_TEXT = re.compile(rb"^event: delta", re.MULTILINE)
_FAILED = re.compile(rb'^event: error|^data: \{"error"', re.MULTILINE)

Body = Callable[[int], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and what the n-th one says."""

    name: str
    url: str
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> re.Pattern[bytes]:
        """What the first text looks like in a stream of this target."""
        return _ASK_TEXT if self.url.endswith("/v1/ask") else _OPENAI_TEXT


@dataclass(slots=True)
class Timings:
    """Of finished requests, in seconds; `seconds` is how long the load lasted."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def extend(self, other: Timings) -> None:
        """Another round of the same."""
        self.first += other.first
        self.whole += other.whole
        self.seconds += other.seconds

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.whole) / self.seconds


class Client:
    """Keeps connections open between rounds, as callers do. Used as an async context manager."""

    def __init__(self) -> None:
        self._numbers = count()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        # Servers close idle connections, uvicorn after 5 s; one that is reused in that moment fails.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3)
        self._session = aiohttp.ClientSession(
            connector=connector, headers={"Content-Type": "application/json"}
        )
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def requests(
        self, target: Target, clients: int, each: int, spread: float = 0.0
    ) -> Timings:
        """So many clients, each with so many requests, one after the other.

        They begin evenly over `spread` seconds: callers do not all ask at the same instant.
        """
        return await self._load(target, clients, lambda done: done < each, spread)

    async def lasting(self, target: Target, clients: int, seconds: float) -> Timings:
        """So many clients for so long; what is under way then is finished and counted."""
        end = time.perf_counter() + seconds
        return await self._load(target, clients, lambda _: time.perf_counter() < end)

    async def _load(
        self, target: Target, clients: int, goes_on: Callable[[int], bool], spread: float = 0.0
    ) -> Timings:
        taken = Timings()

        async def client(number: int) -> None:
            await asyncio.sleep(spread * number / clients)
            done = 0
            while goes_on(done):
                await self._one(target, taken)
                done += 1

        began = time.perf_counter()
        await asyncio.gather(*(client(number) for number in range(clients)))
        taken.seconds = time.perf_counter() - began
        return taken

    async def _one(self, target: Target, taken: Timings) -> None:
        """Raises RuntimeError for anything but a complete answer: a failure must not count as a fast one."""
        assert self._session is not None
        body = target.body(next(self._numbers))
        first: float | None = None
        said = bytearray()
        began = time.perf_counter()
        async with self._session.post(
            target.url, data=orjson.dumps(body), headers=target.headers
        ) as response:
            async for data in response.content.iter_any():
                said += data
                if first is None and target.text.search(said) is not None:
                    first = time.perf_counter() - began
        whole = time.perf_counter() - began
        if response.status != 200 or first is None or _FAILED.search(said) is not None:
            raise RuntimeError(f"{target.name}: {response.status}: {bytes(said[-600:])!r}")
        taken.first.append(first)
        taken.whole.append(whole)
