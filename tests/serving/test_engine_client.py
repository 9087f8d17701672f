from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import orjson
import pytest
from aiohttp import web

from groundwork.core.errors import (
    ConfigurationError,
    ContextTooLong,
    EngineBroken,
    EngineBusy,
    EngineDown,
    EngineFull,
    EngineRefused,
    EngineTimeout,
)
from groundwork.core.settings import EngineSettings
from groundwork.serving.engine.base import Token
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.script import Script
from tests.serving.engine_world import (
    Pauses,
    ask,
    closed_port,
    doubled,
    engine_at,
    read,
    read_until_it_fails,
    saying,
    serving,
    until,
)

TEXT = "One two three four five six."


def chunk(content: str, reason: str | None = None) -> bytes:
    body: dict[str, Any] = {
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]
    }
    return b"data: " + orjson.dumps(body) + b"\n\n"


async def test_the_request_says_what_was_asked() -> None:
    async with doubled() as (engine, double):
        request = ask(
            seed=3, stop=("END",), request_id="r-1", extra={"top_k": 5, "temperature": 0.5}
        )
        await read(engine, request)
    body = double.last_body
    assert body["messages"] == [{"role": "user", "content": "How do I restore a backup?"}]
    assert (body["seed"], body["stop"], body["max_tokens"]) == (3, ["END"], 64)
    assert (body["top_k"], body["temperature"]) == (5, 0.5)
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


async def test_key_and_request_id_are_headers() -> None:
    seen: dict[str, str] = {}

    async def chat(request: web.Request) -> web.StreamResponse:
        seen["key"] = request.headers["Authorization"]
        seen["id"] = request.headers["X-Request-Id"]
        seen["body"] = await request.text()
        return await saying(chunk("yes", "stop"))(request)

    async with serving(chat) as url, engine_at(url, api_key="secret") as engine:
        await read(engine, ask(request_id="r-1"))
    assert (seen["key"], seen["id"]) == ("Bearer secret", "r-1")
    # Only vLLM is known to accept it.
    assert "continuous_usage_stats" not in seen["body"]


async def test_connections_are_kept() -> None:
    async with doubled() as (engine, double):
        for _ in range(5):
            await read(engine)
    assert double.requests == 5
    assert len(double.clients) == 1


async def test_leaving_midway_closes_the_connection_at_once() -> None:
    async with doubled(Script(text=TEXT, tokens=500, token_seconds=0.05)) as (engine, double):
        async with aclosing(engine.stream(ask())) as events:
            assert isinstance(await anext(events), Token)
            assert double.running == 1
        await until(lambda: not double.running)
        assert double.left == 1
        assert engine.load().running == 0
        assert engine.load().breaker == "closed"


async def test_cancelling_the_reader_stops_the_engine_too() -> None:
    async with doubled(Script(first_token_seconds=60)) as (engine, double):
        reading = asyncio.create_task(read(engine))
        await until(lambda: double.running == 1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await until(lambda: not double.running)
        assert engine.load().running == 0


async def test_failures_before_the_first_token_are_tried_again() -> None:
    pauses = Pauses()
    async with doubled(Script(faults=("500",)), pauses=pauses, retries=2) as (engine, double):
        with pytest.raises(EngineDown, match="the engine core died") as raised:
            await read(engine)
    assert double.requests == 3
    assert pauses.seconds == [0.1, 0.2]
    assert not raised.value.sent


async def test_a_later_try_may_succeed() -> None:
    pauses = Pauses()
    script = Script(text=TEXT, faults=("500", "refused", "cut"), fault_after=0, fault_rate=0.5)
    async with doubled(script, pauses=pauses, retries=10, breaker_failures=100) as (engine, double):
        for n in range(20):
            assert (await read(engine, ask(f"Question {n}?")))[0] == TEXT
    assert double.requests == 20 + len(pauses.seconds)
    assert len(pauses.seconds) > 5


async def test_nothing_is_tried_again_once_a_token_has_left() -> None:
    script = Script(text=TEXT, faults=("cut",), fault_after=3)
    async with doubled(script, retries=5) as (engine, double):
        with pytest.raises(EngineBroken) as raised:
            await read_until_it_fails(engine)
    tokens = raised.value.args[-1]
    assert [token.text for token in tokens] == ["One", " two", " three"]
    assert double.requests == 1
    assert raised.value.sent
    assert raised.value.usage is not None
    assert raised.value.usage.completion_tokens == 3


@pytest.mark.parametrize(("retry_after", "pauses_expected"), [(2.0, [2.0, 2.0]), (900.0, [])])
async def test_retry_after_is_honoured_where_there_is_time(
    retry_after: float, pauses_expected: list[float]
) -> None:
    pauses = Pauses()
    script = Script(faults=("429",), retry_after=retry_after)
    async with doubled(script, pauses=pauses, retries=2) as (engine, _):
        with pytest.raises(EngineFull) as raised:
            await read(engine)
    assert pauses.seconds == pauses_expected
    assert raised.value.retry_after == retry_after
    assert engine.load().breaker == "closed"


async def test_a_request_that_is_wrong_is_not_tried_again() -> None:
    async with doubled(Script(window=100), retries=5) as (engine, double):
        with pytest.raises(ContextTooLong, match="100 tokens"):
            await read(engine, ask("x" * 1000))
        assert double.requests == 1
        assert engine.load().breaker == "closed"


async def test_no_first_token_in_time() -> None:
    async with doubled(Script(faults=("slow",)), first_token_seconds=0.1, retries=5) as (
        engine,
        double,
    ):
        with pytest.raises(EngineTimeout, match="first token"):
            await read(engine)
    # Another try would cost the engine the same again, and the time is spent.
    assert double.requests == 1


async def test_silence_between_tokens_ends() -> None:
    script = Script(text=TEXT, faults=("hang",), fault_after=2)
    async with doubled(script, idle_seconds=0.1) as (engine, _):
        with pytest.raises(EngineTimeout, match="next token") as raised:
            await read_until_it_fails(engine)
    assert raised.value.sent


async def test_comments_are_no_tokens() -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(chunk("one"))
        while True:
            await response.write(b": keep-alive\n\n")
            await asyncio.sleep(0.01)

    async with (
        serving(chat) as url,
        engine_at(url, idle_seconds=0.1, total_seconds=2) as engine,
        asyncio.timeout(20),
    ):
        with pytest.raises(EngineTimeout):
            await read(engine)


async def test_an_answer_that_takes_too_long_in_all_is_ended_and_not_held_against_the_engine() -> (
    None
):
    script = Script(text=TEXT, tokens=5000, token_seconds=0.02)
    async with doubled(script, total_seconds=0.3, breaker_failures=1) as (engine, _):
        with pytest.raises(EngineTimeout) as raised:
            await read(engine)
        assert raised.value.sent
        assert engine.load().breaker == "closed"


async def test_nobody_listens() -> None:
    pauses = Pauses()
    async with engine_at(closed_port(), pauses=pauses, retries=1) as engine:
        with pytest.raises(EngineDown, match="cannot be reached"):
            await read(engine)
        with pytest.raises(EngineDown):
            await engine.ping()
        with pytest.raises(EngineDown):
            await engine.count_tokens(ask().messages)
    assert len(pauses.seconds) == 1


async def test_an_engine_that_keeps_failing_is_left_alone() -> None:
    script = Script(faults=("500",))
    async with doubled(script, retries=0, breaker_failures=3) as (engine, double):
        for _ in range(3):
            with pytest.raises(EngineDown):
                await read(engine)
        assert engine.load().breaker == "open"
        with pytest.raises(EngineDown, match="left alone") as raised:
            await read(engine)
        assert double.requests == 3
        assert raised.value.retry_after is not None
        assert 0 < raised.value.retry_after <= 10


async def test_it_is_used_again_when_it_has_recovered() -> None:
    script = Script(text=TEXT, faults=("500",))
    settings: dict[str, Any] = {"retries": 0, "breaker_failures": 1, "breaker_seconds": 0.05}
    async with doubled(script, **settings) as (engine, double):
        with pytest.raises(EngineDown):
            await read(engine)
        double.writer.script = Script(text=TEXT)
        await asyncio.sleep(0.06)
        assert engine.load().breaker == "half-open"
        assert (await read(engine))[0] == TEXT
        assert engine.load().breaker == "closed"


async def test_a_probe_that_its_reader_leaves_makes_room_for_another() -> None:
    settings: dict[str, Any] = {"retries": 0, "breaker_failures": 1, "breaker_seconds": 0.05}
    async with doubled(Script(faults=("500",)), **settings) as (engine, double):
        with pytest.raises(EngineDown):
            await read(engine)
        await asyncio.sleep(0.06)
        double.writer.script = Script(first_token_seconds=60)
        probe = asyncio.create_task(read(engine))
        await until(lambda: double.running == 1)
        with pytest.raises(EngineDown, match="left alone"):
            await read(engine)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        double.writer.script = Script(text=TEXT)
        assert (await read(engine))[0] == TEXT
        assert engine.load().breaker == "closed"


async def test_more_requests_than_places_wait_or_are_refused() -> None:
    settings: dict[str, Any] = {"max_concurrency": 2, "max_waiting": 3, "max_wait_seconds": 60}
    async with doubled(Script(text=TEXT, first_token_seconds=0.05), **settings) as (engine, double):
        outcomes = await asyncio.gather(*(read(engine) for _ in range(8)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, EngineFull)]
    assert len(refused) == 3
    assert double.requests == 5
    assert engine.load().waiting == 0


async def test_a_place_that_does_not_come_free() -> None:
    settings: dict[str, Any] = {"max_concurrency": 1, "max_wait_seconds": 0.05}
    async with doubled(Script(first_token_seconds=60), **settings) as (engine, _):
        holding = asyncio.create_task(read(engine))
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy) as raised:
            await read(engine)
        assert raised.value.status == 503
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "broke off"),
        ([b"data: {\n\n"], "not JSON"),
        ([b"data: []\n\n"], "no object"),
        ([b'data: {"choices": [{"delta": {"content": 5}}]}\n\n'], "no chat completion chunk"),
        ([b'data: {"choices": 7}\n\n'], "no chat completion chunk"),
        ([b"data: {}\n\n"], "no chat completion chunk"),
        ([b'data: {"error": {"message": "it died", "code": 500}}\n\n'], "it died"),
        ([b'data: {"error": "it died"}\n\n'], "it died"),
        ([chunk("half"), b"data: {"], "broke off in the middle"),
        ([chunk("half")], "broke off in the middle"),
        ([b": " + b"x" * (2 << 20)], "1,048,576 bytes"),
        ([chunk("half"), chunk("", "abort"), b"data: [DONE]\n\n"], "gave its answer up"),
    ],
)
async def test_what_cannot_be_read_is_broken(frames: list[bytes], message: str) -> None:
    async with serving(saying(*frames)) as url, engine_at(url, retries=0) as engine:
        with pytest.raises(EngineBroken, match=message):
            await read(engine)
        assert engine.load().running == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"message": "bad parameter", "code": 400}', EngineRefused),
        (b'{"message": "slow down", "code": 429}', EngineFull),
        (b'{"message": "too much", "code": "context_length_exceeded"}', ContextTooLong),
    ],
)
async def test_an_error_event_says_what_it_is(error: bytes, kind: type[Exception]) -> None:
    frames = b'data: {"error": ' + error + b"}\n\ndata: [DONE]\n\n"
    async with serving(saying(frames)) as url, engine_at(url, retries=0) as engine:
        with pytest.raises(kind):
            await read(engine)


async def test_what_came_before_a_malformed_event_is_handed_on() -> None:
    frames = (chunk("one"), chunk(" two"), b"data: {\n\n")
    async with serving(saying(*frames)) as url, engine_at(url) as engine:
        with pytest.raises(EngineBroken) as raised:
            await read_until_it_fails(engine)
    assert [token.text for token in raised.value.args[-1]] == ["one", " two"]


async def test_an_end_without_done_and_usage_is_an_end() -> None:
    # A finish reason says that the text is whole, whatever is cut behind it.
    frames = (chunk("one"), chunk("", "length"), b'data: {"choices": [], "usa')
    async with serving(saying(*frames)) as url, engine_at(url) as engine:
        text, end = await read(engine)
    assert (text, end.finish_reason, end.usage) == ("one", "length", None)


async def test_thinking_is_a_sign_of_life_and_no_text() -> None:
    thought = b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n'
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}}}\n\n'
    frames = (thought, chunk("yes"), chunk("", "stop"), usage, b"data: [DONE]\n\n")
    async with serving(saying(*frames)) as url, engine_at(url) as engine:
        text, end = await read(engine)
    assert text == "yes"
    assert end.usage is not None
    assert end.usage.reasoning_tokens == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, EngineRefused), (404, EngineRefused), (408, EngineDown), (307, EngineRefused)],
)
async def test_statuses(status: int, kind: type[Exception]) -> None:
    asked = 0

    async def chat(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=status, headers={"Location": "/elsewhere"}, text="no")

    async with serving(chat) as url, engine_at(url, pauses=Pauses(), retries=2) as engine:
        with pytest.raises(kind, match=str(status)):
            await read(engine)
    assert asked == (3 if kind is EngineDown else 1)


async def test_an_answer_that_is_no_stream() -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>hello</html>", content_type="text/html")

    async with serving(chat) as url, engine_at(url, retries=0) as engine:
        with pytest.raises(EngineBroken, match="text/html"):
            await read(engine)


async def test_a_server_that_lists_no_models_serves_the_configured_one() -> None:
    async def models(request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async with serving(saying(chunk("yes", "stop")), models) as url:
        async with engine_at(url, model="mine") as engine:
            assert (await read(engine))[0] == "yes"
            assert await engine.window() is None
            assert await engine.count_tokens(ask().messages) is None
            with pytest.raises(EngineRefused):
                await engine.ping()
        async with engine_at(url) as engine:
            with pytest.raises(EngineRefused):
                await read(engine)


async def test_settings_may_say_the_window() -> None:
    async with doubled(context_tokens=1234) as (engine, _):
        assert await engine.window() == 1234


def test_an_engine_lives_through_several_event_loops() -> None:
    async def once() -> tuple[str, str]:
        async with doubled(Script(text=TEXT)) as (served, _):
            engine.transport.url = served.transport.url
            try:
                return (await read(engine))[0], engine.model
            finally:
                await engine.close()

    engine = HttpEngine("default", EngineSettings(url=closed_port()))
    assert engine.model == "default"
    assert asyncio.run(once()) == (TEXT, "double")
    assert asyncio.run(once()) == (TEXT, "double")


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/v1", "http://me:secret@host/v1"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"generator\.more\.small\.url"):
        HttpEngine("small", EngineSettings(url=url))
