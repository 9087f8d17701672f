"""The whole question path with a real vLLM behind it: what it writes is noise, how it is handled is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest

from tests.vllm.groundwork_service import events, service
from tests.vllm.server import MODEL, VllmServer

pytestmark = pytest.mark.vllm

QUESTION = {"question": "How is the limit of pump 7 set?"}
CHAT = {
    "model": "groundwork",
    "messages": [{"role": "user", "content": "How is the limit of pump 3 set?"}],
}


@pytest.fixture(scope="module")
def address(server: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server.ensure()
    home = tmp_path_factory.mktemp("assistant") / "home"
    # Long answers, so that there is a middle to leave or to die in.
    with service(home, server.url, GENERATOR__MAX_TOKENS="800") as address:
        yield address


@pytest.fixture
async def http(vllm: VllmServer, address: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(address) as session:
        yield session


async def ask(http: aiohttp.ClientSession, **more: Any) -> dict[str, Any]:
    async with http.post("/v1/ask", json={**QUESTION, **more}) as response:
        given: dict[str, Any] = await response.json()
        assert response.status == 200, given
        return given


async def test_an_answer_comes_from_the_engine(http: aiohttp.ClientSession) -> None:
    given = await ask(http)
    assert given["model"] == MODEL
    assert given["usage"]["completion_tokens"] > 0
    assert given["usage"]["prompt_tokens"] > 100
    assert "degraded" not in given["record"]
    # Noise is supported by no passage.
    assert given["citations"] == []


async def test_the_same_prompt_again_is_cached(http: aiohttp.ClientSession) -> None:
    await ask(http)
    usage = (await ask(http))["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert 0 < cached < usage["prompt_tokens"]


async def test_a_stream_ends_in_the_recorded_answer(http: aiohttp.ClientSession) -> None:
    seen = [event async for event in events(http, "/v1/ask", QUESTION)]
    assert seen[0][0] == "start"
    name, done = seen[-1]
    assert name == "done"
    assert "".join(data["text"] for name, data in seen if name == "delta") == done["answer"]
    async with http.get(f"/v1/answers/{done['id']}") as response:
        kept = await response.json()
    assert kept["usage"] == done["usage"]
    assert kept["usage"]["completion_tokens"] > 0


async def test_openai_clients_get_usage_on_the_last_chunk(http: aiohttp.ClientSession) -> None:
    body = {**CHAT, "stream_options": {"include_usage": True}}
    seen = [event async for event in events(http, "/v1/chat/completions", body)]
    assert seen[-1][0] == "[DONE]"
    assert seen[-2][1]["usage"]["completion_tokens"] > 0


async def test_sixteen_questions_at_once(vllm: VllmServer, http: aiohttp.ClientSession) -> None:
    asked = [{"question": f"How is the limit of pump {n % 12} set?"} for n in range(16)]

    async def last(body: dict[str, Any]) -> tuple[str, Any]:
        return [event async for event in events(http, "/v1/ask", body)][-1]

    ends = await asyncio.gather(*map(last, asked))
    assert {name for name, _ in ends} == {"done"}
    assert [done["question"] for _, done in ends] == [body["question"] for body in asked]
    assert all("degraded" not in done["record"] for _, done in ends)
    assert await vllm.comes_to(0, within=10)


@pytest.mark.parametrize(("path", "body"), [("/v1/ask", QUESTION), ("/v1/chat/completions", CHAT)])
async def test_a_client_that_leaves_stops_the_engine(
    vllm: VllmServer, http: aiohttp.ClientSession, path: str, body: dict[str, Any]
) -> None:
    assert await vllm.comes_to(0, within=10)
    stream = events(http, path, body)
    async with aclosing(stream):
        await anext(stream)
        assert await vllm.comes_to(1, within=10)
    assert await vllm.comes_to(0, within=1), "the engine works on for nobody"


@pytest.mark.kills_engine
async def test_an_engine_killed_in_mid_stream_is_no_silence(
    vllm: VllmServer, http: aiohttp.ClientSession
) -> None:
    assert await vllm.comes_to(0, within=10)
    streams = [events(http, "/v1/ask", QUESTION), events(http, "/v1/chat/completions", CHAT)]
    for stream in streams:
        await anext(stream)
    assert await vllm.comes_to(2, within=10)
    vllm.kill()
    async with asyncio.timeout(30):
        asked, chat = [[event async for event in stream] for stream in streams]
    name, last = asked[-1]
    assert name == "error" or (name == "done" and "degraded" in last["record"]), asked[-1]
    told = [data for name, data in chat if name == "chunk"][-1]
    assert "error" in told or "degraded" in told["groundwork"]["record"], told

    # From now on the answers are quotes, and say so.
    async with asyncio.timeout(30):
        given = await ask(http)
    assert given["model"] == "extractive"
    assert given["record"]["degraded"]["from"] == "default"
    assert given["citations"]
