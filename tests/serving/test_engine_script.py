from __future__ import annotations

from contextlib import aclosing
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import (
    ContextTooLong,
    EngineBroken,
    EngineDown,
    EngineError,
    EngineFull,
    EngineTimeout,
)
from groundwork.serving.engine.base import ChatRequest, Message, Token
from groundwork.serving.engine.local import ScriptedEngine
from groundwork.serving.engine.script import FAULTS, MIDWAY, Script, Writer, example_of
from groundwork.serving.prompts.fence import fenced
from tests.serving.api_fakes import SENTENCES, passage


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def written(script: Script, body: dict[str, Any]) -> str:
    return "".join(Writer(script).reply(body).tokens)


def test_passages_are_quoted_with_their_numbers() -> None:
    prompt = f"Passages:\n\n{fenced([passage(0), passage(1)], 'abc123')}\n\nQuestion: Why?"
    assert written(Script(), asked(prompt)) == f"{SENTENCES[0]} [1] {SENTENCES[0]} [2]"
    assert written(Script(quoted=1), asked(prompt)) == f"{SENTENCES[0]} [1]"


def test_without_passages_the_question_is_repeated() -> None:
    assert (
        written(Script(), asked("Conversation: …\n\nLast question: And how?\n\nAlone:"))
        == "And how?"
    )
    assert written(Script(), asked("Hello there")) == "Hello there"


@given(st.text(max_size=200), st.integers(0, 300) | st.none())
def test_tokens_put_together_are_the_text(text: str, tokens: int | None) -> None:
    reply = Writer(Script(text=text, tokens=tokens)).reply(asked("?"))
    if tokens is None:
        assert "".join(reply.tokens) == text
    elif reply.tokens:
        assert len(reply.tokens) == tokens
    assert all(reply.tokens)


def test_a_text_ends_at_its_limit_or_at_a_stop() -> None:
    script = Script(text="one two three four")
    reply = Writer(script).reply(asked("?", max_tokens=2))
    assert (reply.tokens, reply.finish_reason) == (("one", " two"), "length")
    reply = Writer(script).reply(asked("?", stop=["three", "nothing"]))
    assert ("".join(reply.tokens), reply.finish_reason) == ("one two ", "stop")


def test_the_window_holds_prompt_and_answer() -> None:
    writer = Writer(Script(text="x", window=100))
    writer.reply(asked("x" * 100, max_tokens=71))
    with pytest.raises(ContextTooLong):
        writer.reply(asked("x" * 100, max_tokens=72))


def test_the_beginning_that_prompts_share_is_cached_in_blocks() -> None:
    writer = Writer()
    shared = "s" * 400
    assert writer.reply(asked(shared + "one")).cached_tokens == 0
    second = writer.reply(asked(shared + "two"))
    assert second.cached_tokens == 96
    assert writer.reply(asked("something else")).cached_tokens == 0


def test_the_same_request_meets_the_same_fortune() -> None:
    script = Script(faults=FAULTS, fault_rate=0.5, seed=3)
    runs = []
    for _ in range(2):
        writer = Writer(script)
        # The third time a request comes is another chance than the first.
        runs.append([writer.misfortune(asked(str(n % 20))) for n in range(60)])
    assert runs[0] == runs[1]
    assert {each.fault for each in runs[0] if each is not None} == set(FAULTS)
    assert 10 < sum(each is None for each in runs[0]) < 50
    assert runs[0][:20] != runs[0][20:40]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "null"}}},
        {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 2},
        {"enum": ["yes", "no"]},
        {"const": 4},
        {"type": ["number", "null"], "minimum": 2.5},
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]},
    ],
)
def test_examples_obey_their_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(example_of(schema), schema)


def test_a_script_comes_from_json() -> None:
    assert Script.from_json({"tokens": 3, "faults": ["cut"]}) == Script(tokens=3, faults=("cut",))
    for wrong in ({"tokens": 3, "unknown": 1}, {"faults": ["odd"]}):
        with pytest.raises((TypeError, ValueError)):
            Script.from_json(wrong)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refused", EngineDown),
        ("500", EngineDown),
        ("slow", EngineTimeout),
        ("429", EngineFull),
        ("cut", EngineBroken),
        ("malformed", EngineBroken),
        ("error", EngineBroken),
        ("hang", EngineTimeout),
    ],
)
async def test_the_engine_in_the_process_fails_as_the_client_reports(
    fault: Any, kind: type[EngineError]
) -> None:
    script = Script(text="one two three", faults=(fault,), fault_after=2, retry_after=3)
    engine = ScriptedEngine(script=script)
    tokens: list[str] = []

    async def read() -> None:
        async with aclosing(engine.stream(ChatRequest((Message("user", "?"),)))) as events:
            async for event in events:
                assert isinstance(event, Token)
                tokens.append(event.text)

    with pytest.raises(kind) as raised:
        await read()
    midway = fault in MIDWAY
    assert tokens == (["one", " two"] if midway else [])
    assert raised.value.sent is midway
    assert raised.value.retry_after == (3 if fault == "429" else None)
    if midway:
        assert raised.value.usage is not None
        assert raised.value.usage.completion_tokens == 2
    assert engine.load().running == 0
