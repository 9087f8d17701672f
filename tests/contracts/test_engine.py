"""What every engine promises: over HTTP against the double, in the process, and against a real server.

GROUNDWORK_TEST_ENGINE_URL names a running server (its base with /v1); without it only the first two are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing

import orjson
import pytest

from groundwork.core.errors import ContextTooLong, EngineRefused
from groundwork.core.settings import EngineSettings
from groundwork.serving.engine.base import ChatRequest, End, Engine, Message, Token
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.local import ScriptedEngine

REAL = os.environ.get("GROUNDWORK_TEST_ENGINE_URL")
KINDS = ["http", "scripted", *(["real"] if REAL else [])]
YES_OR_NO = {
    "type": "object",
    "properties": {"yes": {"type": "boolean"}},
    "required": ["yes"],
    "additionalProperties": False,
}


@pytest.fixture(params=KINDS)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    if request.param == "scripted":
        yield ScriptedEngine()
    elif request.param == "http":
        async with EngineDouble().serving() as url:
            async for engine in _over_http(url):
                yield engine
    else:
        async for engine in _over_http(str(REAL)):
            yield engine


async def _over_http(url: str) -> AsyncIterator[Engine]:
    engine = HttpEngine("default", EngineSettings(url=url))
    yield engine
    await engine.close()


def ask(text: str, **more: object) -> ChatRequest:
    more = {"max_tokens": 12, **more}
    return ChatRequest((Message("system", "Answer shortly."), Message("user", text)), **more)  # type: ignore[arg-type]


async def events_of(engine: Engine, request: ChatRequest) -> list[Token | End]:
    async with aclosing(engine.stream(request)) as events:
        return [event async for event in events]


async def test_a_stream_is_tokens_and_one_end(engine: Engine) -> None:
    *tokens, end = await events_of(engine, ask("How do I restore a backup?"))
    assert isinstance(end, End)
    assert end.finish_reason in {"stop", "length"}
    assert end.model == engine.model
    assert all(isinstance(token, Token) and token.text for token in tokens)


async def test_a_stream_and_a_completion_say_the_same(engine: Engine) -> None:
    request = ask("How do I restore a backup?", seed=7)
    *tokens, end = await events_of(engine, request)
    whole = await engine.complete(request)
    assert whole.text == "".join(token.text for token in tokens if isinstance(token, Token))
    assert isinstance(end, End)
    assert whole.finish_reason == end.finish_reason
    assert whole.usage is not None
    assert end.usage is not None
    assert whole.usage.completion_tokens == end.usage.completion_tokens


async def test_usage_counts_what_was_read_and_written(engine: Engine) -> None:
    request = ask("Write about indexes.", max_tokens=5)
    end = (await events_of(engine, request))[-1]
    assert isinstance(end, End)
    assert end.usage is not None
    assert 0 < end.usage.completion_tokens <= 5
    assert end.usage.prompt_tokens == await engine.count_tokens(request.messages)
    assert end.usage.cached_tokens <= end.usage.prompt_tokens


async def test_the_count_goes_along_and_never_back(engine: Engine) -> None:
    events = await events_of(engine, ask("Write about indexes."))
    counts = [event.usage.completion_tokens for event in events if event.usage is not None]
    assert len(counts) == len(events)
    assert counts == sorted(counts)


async def test_a_long_beginning_that_comes_again_is_cached(engine: Engine) -> None:
    static = " ".join(f"Rule {n}: never make up an option." for n in range(60))
    await events_of(engine, ask(static + " First question?"))
    end = (await events_of(engine, ask(static + " Second question?")))[-1]
    assert isinstance(end, End)
    assert end.usage is not None
    assert 0 < end.usage.cached_tokens < end.usage.prompt_tokens


async def test_what_does_not_fit_the_window_is_told_apart(engine: Engine) -> None:
    window = await engine.window()
    assert window is not None
    with pytest.raises(ContextTooLong):
        await events_of(engine, ask("too long " * window))
    assert engine.load().running == 0


async def test_a_schema_is_obeyed(engine: Engine) -> None:
    whole = await engine.complete(ask("Is it true?", schema=YES_OR_NO, max_tokens=64))
    assert set(orjson.loads(whole.text)) == {"yes"}
    assert whole.finish_reason == "stop"


async def test_the_limit_ends_a_text(engine: Engine) -> None:
    whole = await engine.complete(ask("Write about a great many different things.", max_tokens=2))
    assert whole.finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 2


async def test_leaving_midway_frees_the_place(engine: Engine) -> None:
    async with aclosing(engine.stream(ask("Write about indexes and releases."))) as events:
        async for event in events:
            assert isinstance(event, Token)
            assert engine.load().running == 1
            break
    assert engine.load().running == 0


async def test_sixteen_streams_at_once_do_not_mix(engine: Engine) -> None:
    questions = [f"What is number {n} of the list?" for n in range(16)]
    alone = [(await engine.complete(ask(question))).usage for question in questions[:2]]
    ends = await asyncio.gather(*(events_of(engine, ask(question)) for question in questions))
    for end in (each[-1] for each in ends):
        assert isinstance(end, End)
        assert end.usage is not None
    assert alone[0] is not None
    first = ends[0][-1].usage
    assert first is not None
    assert first.prompt_tokens == alone[0].prompt_tokens
    assert engine.load().running == 0


async def test_a_ping_tells_model_and_window(engine: Engine) -> None:
    info = await engine.ping()
    assert info.model == engine.model
    assert info.window == await engine.window()
    assert engine.model in engine.identity


async def test_a_closed_engine_can_be_used_again(engine: Engine) -> None:
    await engine.complete(ask("Once."))
    await engine.close()
    assert (await engine.complete(ask("Twice."))).text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "scripted"])
async def test_a_model_that_is_not_served_is_refused(kind: str) -> None:
    async with EngineDouble().serving() as double:
        url = REAL if kind == "real" else double
        engine = HttpEngine("default", EngineSettings(url=url, model="another"))
        try:
            with pytest.raises(EngineRefused, match="another"):
                await engine.ping()
            with pytest.raises(EngineRefused):
                await engine.complete(ask("Anything."))
            assert engine.load().breaker == "closed"
        finally:
            await engine.close()
