"""What reading an engine's stream costs: our client, the bytes alone, and other clients.

The engine is the double in a process of its own. CPU is this process's, so that waiting for the double does not count.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

import orjson

from groundwork.core.settings import EngineSettings, Settings
from groundwork.serving.engine.base import ChatRequest, Message
from groundwork.serving.engine.client import HttpEngine

_SCRIPT = (
    '{"tokens": 35, "text": "An answer of some words that are repeated until there are enough. "}'
)
_PROMPT = "x" * 4000
_CLIENTS = 16
_STREAMS = 160
_ROUNDS = 4

Once = Callable[[], Awaitable[None]]


def main(settings: Settings) -> None:
    """Print CPU-microseconds a stream."""
    del settings
    with _double() as url:
        micros = asyncio.run(_measure(url))
    print(
        f"Streams of 35 tokens, {_CLIENTS} at a time, {_ROUNDS} rounds of {_STREAMS} in turn; CPU of the reading process.\n"
    )
    print("| Client | CPU-microseconds a stream |")
    print("|---|---:|")
    for name, value in micros.items():
        print(f"| {name} | {value:,.0f} |")


async def _measure(url: str) -> dict[str, float]:
    import aiohttp
    import httpx
    from openai import AsyncOpenAI

    engine = HttpEngine("default", EngineSettings(url=url))
    model = (await engine.ping()).model
    body = {
        "model": model,
        "messages": [{"role": "user", "content": _PROMPT}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    request = ChatRequest((Message("user", _PROMPT),))
    raw, chat = orjson.dumps(body), f"{url}/chat/completions"
    async with (
        aiohttp.ClientSession() as session,
        httpx.AsyncClient() as client,
        AsyncOpenAI(base_url=url, api_key="none") as openai,
    ):

        async def ours() -> None:
            async with aclosing(engine.stream(request)) as events:
                async for _ in events:
                    pass

        async def aiohttp_bytes() -> None:
            async with session.post(chat, data=raw) as response:
                async for _ in response.content.iter_any():
                    pass

        async def httpx_bytes() -> None:
            async with client.stream("POST", chat, content=raw) as response:
                async for _ in response.aiter_bytes():
                    pass

        async def openai_client() -> None:
            stream = await openai.chat.completions.create(
                model=model, messages=[{"role": "user", "content": _PROMPT}], stream=True
            )
            async for _ in stream:
                pass

        readers: dict[str, Once] = {
            "aiohttp, bytes unread": aiohttp_bytes,
            "Groundwork's engine client": ours,
            "httpx, bytes unread": httpx_bytes,
            "openai": openai_client,
        }
        micros = await _in_turn(readers)
    await engine.close()
    return micros


async def _in_turn(readers: dict[str, Once]) -> dict[str, float]:
    spent = dict.fromkeys(readers, 0.0)
    for round_ in range(_ROUNDS + 1):
        for name, once in readers.items():
            before = _cpu()
            await _many(once)
            # The first round opens connections and warms caches.
            spent[name] += (_cpu() - before) if round_ else 0.0
    return {name: seconds / (_ROUNDS * _STREAMS) * 1e6 for name, seconds in spent.items()}


async def _many(once: Once) -> None:
    turns = iter(range(_STREAMS))

    async def client() -> None:
        for _ in turns:
            await once()

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))


@contextmanager
def _double() -> Iterator[str]:
    command = [sys.executable, "-m", "groundwork.serving.engine.double", "--port", "0"]
    with subprocess.Popen([*command, "--script", _SCRIPT], stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise AssertionError("its output was asked for")
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.terminate()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
