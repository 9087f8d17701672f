from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from groundwork.core.errors import EngineBroken
from groundwork.core.metering.database import reading
from groundwork.core.metering.tables import requests
from groundwork.core.settings import EngineSettings, GeneratorSettings
from groundwork.serving.app import create_app
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.passthrough import Forwarded
from groundwork.serving.engine.script import Script
from groundwork.serving.engine.transport import Exchange
from tests.serving.api_fakes import RawRequest, World, build_world
from tests.serving.engine_world import closed_port, serving, until

PATH = "/v1/chat/completions"
TEXT = "One two three four five six."
BODY: dict[str, Any] = {
    "model": "engine/default",
    "messages": [{"role": "user", "content": "Why?"}],
}
STREAM = {**BODY, "stream": True}


@dataclass
class Gateway:
    world: World
    double: EngineDouble
    engine: HttpEngine
    direct: httpx.AsyncClient

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        async with self.world.client() as client:
            return await client.post(PATH, json=body, headers=headers)

    def charged(self) -> list[dict[str, Any]]:
        """What the ledger holds of each call, oldest first; nothing else is kept of any."""
        assert self.world.kept() == []
        accounts = self.world.services.accounts
        assert accounts.recorder.flush(10)
        with reading(accounts.ledger.engine) as connection:
            rows = connection.execute(select(requests).order_by(requests.c.at)).mappings().all()
        return [dict(row) for row in rows]

    def is_idle(self) -> bool:
        context = self.world.app.state.context
        load = self.engine.load()
        return context.admission.in_flight == 0 and (load.running, load.waiting) == (0, 0)


@asynccontextmanager
async def gateway(
    home: Path, script: Script | None = None, url: str | None = None, **settings: Any
) -> AsyncIterator[Gateway]:
    double = EngineDouble(script)
    async with double.serving() as served, httpx.AsyncClient() as direct:
        direct.base_url = served.removesuffix("/v1")
        engine = HttpEngine("default", EngineSettings(url=url or served, **settings))
        world = build_world(home)
        world.services = replace(world.services, engines={"default": engine})
        passing = GeneratorSettings(passthrough=True)
        world.settings = world.settings.model_copy(update={"generator": passing})
        world.app = create_app(world.settings, world.services)
        try:
            yield Gateway(world, double, engine, direct)
        finally:
            await engine.close()
            world.services.close()


def told(body: str) -> list[Any]:
    return [orjson.loads(data) for data in re.findall(r"^data: (\{.*)$", body, re.MULTILINE)]


async def test_a_stream_comes_back_byte_by_byte(tmp_path: Path) -> None:
    async with gateway(tmp_path, Script(text=TEXT)) as gate:
        with_usage = {**STREAM, "stream_options": {"include_usage": True}}
        upstream = await gate.direct.post(PATH, json={**with_usage, "model": "double"})
        assert (await gate.post(with_usage)).content == upstream.content
        plain = await gate.direct.post(PATH, json={**STREAM, "model": "double"})
        response = await gate.post(STREAM)
        assert response.content == plain.content
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert gate.is_idle()
        first, second = gate.charged()
    usage = told(upstream.text)[-1]["usage"]
    assert first["prompt_tokens"] == second["prompt_tokens"] == usage["prompt_tokens"]
    assert second["completion_tokens"] == usage["completion_tokens"] == 7
    assert (second["outcome"], second["release"]) == ("answered", "passthrough")


async def test_a_whole_answer_comes_back_with_its_cost(tmp_path: Path) -> None:
    async with gateway(tmp_path, Script(text=TEXT)) as gate:
        response = await gate.post(BODY)
        upstream = await gate.direct.post(PATH, json={**BODY, "model": "double"})
        assert gate.is_idle()
        (charged,) = gate.charged()
    assert response.status_code == 200
    assert response.json()["choices"] == upstream.json()["choices"]
    assert response.headers["x-groundwork-cost"] == "0"
    usage = response.json()["usage"]
    assert charged["prompt_tokens"] == usage["prompt_tokens"]
    assert charged["completion_tokens"] == usage["completion_tokens"]
    # Texts are the caller's and the engine's affair.
    assert TEXT not in str(charged)
    assert "Why?" not in str(charged)


async def test_only_known_parameters_reach_the_engine(tmp_path: Path) -> None:
    more = {
        "temperature": 0.5, "chat_template": "x", "user": "me", "stream_options": {"odd": 1}, "top_k": 3,
    }  # fmt: skip
    async with gateway(tmp_path, Script(text=TEXT)) as gate:
        assert (await gate.post({**STREAM, **more})).status_code == 200
    assert gate.double.last_body == {
        "model": "double",
        "messages": BODY["messages"],
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({**BODY, "model": "engine/other"}, 404, "model"),
        ({**BODY, "messages": []}, 400, "messages"),
        ({**BODY, "messages": ["hello"]}, 400, "messages[0]"),
        (
            {**BODY, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "messages[0].content",
        ),
    ],
)
async def test_what_is_refused_before_the_engine_is_asked(
    tmp_path: Path, body: Any, status: int, param: str
) -> None:
    async with gateway(tmp_path) as gate:
        response = await gate.post(body)
        assert gate.is_idle()
    assert response.status_code == status
    assert response.json()["error"]["param"] == param
    assert gate.double.requests == 0


async def test_it_is_off_unless_set(world: World) -> None:
    async with world.client() as client:
        response = await client.post(PATH, json=BODY)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_questions_are_answered_beside_it(tmp_path: Path) -> None:
    async with gateway(tmp_path) as gate:
        question = {"model": "groundwork", "messages": [{"role": "user", "content": "engine/?"}]}
        response = await gate.post(question)
        assert response.json()["groundwork"]["citations"]
        async with gate.world.client() as client:
            broken = await client.post(
                PATH, content=b'{"engine', headers={"content-type": "application/json"}
            )
        assert broken.json()["error"]["code"] is None
        assert broken.status_code == 400
    assert gate.double.requests == 0


async def test_engines_are_models(tmp_path: Path, world: World) -> None:
    async with gateway(tmp_path) as gate, gate.world.client() as client:
        listed = (await client.get("/v1/models")).json()["data"]
        assert "engine/default" in {model["id"] for model in listed}
        assert (await client.get("/v1/models/engine/default")).json()["id"] == "engine/default"
        assert (await client.get("/v1/models/engine/other")).status_code == 404
    async with world.client() as client:
        assert "engine/" not in (await client.get("/v1/models")).text
        assert (await client.get("/v1/models/engine/default")).status_code == 404


@pytest.mark.parametrize("body", [BODY, STREAM])
@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (Script(faults=("500",)), 503, "engine_down"),
        (Script(faults=("429",), retry_after=7), 429, "engine_full"),
        (Script(faults=("slow",)), 504, "engine_timeout"),
        (Script(window=4), 400, "context_length_exceeded"),
    ],
)
async def test_failures_before_the_first_token_have_a_status(
    tmp_path: Path, body: Any, script: Script, status: int, code: str
) -> None:
    limits: dict[str, Any] = {"retries": 0, "first_token_seconds": 0.2, "total_seconds": 0.3}
    async with gateway(tmp_path, script, **limits) as gate:
        response = await gate.post(body)
        assert gate.is_idle()
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.headers.get("retry-after") == ("7" if status == 429 else None)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with gateway(tmp_path, url=closed_port(), retries=0) as gate:
        response = await gate.post(STREAM)
        assert gate.is_idle()
    assert response.status_code == 503


@pytest.mark.parametrize("fault", ["cut", "hang", "error"])
async def test_a_stream_that_breaks_ends_in_one_error_event(tmp_path: Path, fault: Any) -> None:
    script = Script(text=TEXT, faults=(fault,), fault_after=3)
    async with gateway(tmp_path, script, idle_seconds=0.2) as gate:
        response = await gate.post(STREAM)
        assert gate.is_idle()
        (charged,) = gate.charged()
    *chunks, last = told(response.text)
    assert [each["choices"][0]["delta"]["content"] for each in chunks] == ["One", " two", " three"]
    assert last["error"]["message"]
    assert charged["outcome"] == "failed"
    assert charged["completion_tokens"] >= 3


async def test_a_client_that_leaves_stops_the_engine_and_is_billed(tmp_path: Path) -> None:
    script = Script(text=TEXT, tokens=5000, token_seconds=0.01)
    async with gateway(tmp_path, script) as gate:
        request = RawRequest(PATH, [orjson.dumps(STREAM)])
        running = asyncio.create_task(request.run(gate.world.app))
        await until(lambda: len(request.messages) > 4)
        request.leave.set()
        await running
        await until(lambda: not gate.double.running)
        assert gate.is_idle()
        (charged,) = gate.charged()
    assert charged["outcome"] == "cancelled"
    assert charged["completion_tokens"] >= 3


async def test_a_client_that_leaves_before_the_first_token_stops_the_engine(tmp_path: Path) -> None:
    async with gateway(tmp_path, Script(first_token_seconds=60)) as gate:
        request = RawRequest(PATH, [orjson.dumps(BODY)])
        running = asyncio.create_task(request.run(gate.world.app))
        await until(lambda: gate.double.running == 1)
        request.leave.set()
        await running
        await until(lambda: not gate.double.running)
        assert gate.is_idle()
    assert request.status == 499


async def test_an_answer_that_is_no_completion(tmp_path: Path) -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    async with serving(chat) as url, gateway(tmp_path, url=url, retries=0) as gate:
        response = await gate.post(BODY)
        assert gate.is_idle()
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "engine_broken"


async def test_without_a_price_nothing_is_handed_out_where_that_is_the_policy(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path, Script(text=TEXT)) as gate:
        services = gate.world.services
        await gate.engine.ping()
        strict = replace(services.accounts, refuse_unpriced=True)
        gate.world.app = create_app(gate.world.settings, replace(services, accounts=strict))
        response = await gate.post(BODY)
        assert gate.engine.load().running == 0
    assert response.status_code == 500
    assert "no price for input_tokens of double" in response.json()["error"]["message"]


class FedExchange:
    """Hands out pieces as they were cut."""

    media_type = "text/event-stream"

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def read(self, deadline: float, waiting_for: str = "more") -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


def event(content: Any, end: str) -> bytes:
    return b"data: " + orjson.dumps(content) + end.encode()


@given(
    st.lists(
        st.text(max_size=20) | st.just('"choices":[]') | st.just("\ndata: [DONE]\n\n"), max_size=5
    ),
    st.lists(st.integers(0, 900), max_size=8),
    st.sampled_from(["\n\n", "\r\n\r\n"]),
    st.booleans(),
)
def test_bytes_pass_however_they_are_cut(
    texts: list[str], places: list[int], end: str, with_usage: bool
) -> None:
    chunks = [event({"choices": [{"index": 0, "delta": {"content": text}}]}, end) for text in texts]
    usage = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}, end)
    done = b"data: [DONE]" + end.encode()
    raw = b"".join([*chunks, usage, done])
    bounds = sorted({min(place, len(raw)) for place in places} | {0, len(raw)})
    cut = [raw[a:b] for a, b in pairwise(bounds)]

    async def passed() -> tuple[bytes, Forwarded]:
        engine = HttpEngine("default", EngineSettings(url=closed_port()))
        first, *others = cut
        forwarded = Forwarded(engine, cast("Exchange", FedExchange(others)), first)
        pieces = forwarded.pieces(1e9, with_usage=with_usage)
        return b"".join([piece async for piece in pieces]), forwarded

    got, forwarded = asyncio.run(passed())
    assert got == (raw if with_usage else b"".join([*chunks, done]))
    assert forwarded.complete
    assert forwarded.usage is not None
    assert forwarded.usage.prompt_tokens == 3


async def test_an_endless_event_is_not_collected() -> None:
    engine = HttpEngine("default", EngineSettings(url=closed_port()))
    exchange = cast("Exchange", FedExchange([b"x" * (1 << 19)] * 4))
    with pytest.raises(EngineBroken, match="more than"):
        async for _ in Forwarded(engine, exchange, b"data: ").pieces(1e9, with_usage=True):
            pass
