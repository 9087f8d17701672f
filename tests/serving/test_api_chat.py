from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from groundwork.core.answers import Turn
from groundwork.core.errors import Unavailable
from groundwork.serving.write import NOT_FOUND
from tests.serving.api_fakes import QUESTION, SENTENCES, World, events_of
from tests.serving.openai_spec import validate

CHAT = "/v1/chat/completions"
TEXT = f"{SENTENCES[0]} [1]\n{SENTENCES[1]} [2]\n"
LINK = "https://docs.example.com/guides/indexes#rollback"


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    given = messages or ({"role": "user", "content": QUESTION},)
    return {"model": "groundwork", "messages": list(given), **more}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def chunks(client: httpx.AsyncClient, **more: Any) -> list[dict[str, Any]]:
    response = await client.post(CHAT, json=chat(stream=True, **more))
    assert response.status_code == 200
    events = events_of(response.text)
    assert events[-1] == ("message", "[DONE]")
    return [json.loads(data) for _, data in events[:-1]]


async def test_a_completion(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat())
    completion = response.json()
    (choice,) = completion["choices"]
    message = choice["message"]
    assert completion["object"] == "chat.completion"
    assert completion["id"].startswith("chatcmpl-")
    assert completion["model"] == "groundwork"
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"] is None
    assert message["content"] == TEXT
    assert message["refusal"] is None
    assert completion["usage"] == {
        "prompt_tokens": 40,
        "completion_tokens": 12,
        "total_tokens": 52,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    for annotation, sentence in zip(message["annotations"], SENTENCES, strict=True):
        assert annotation["type"] == "url_citation"
        cited = annotation["url_citation"]
        assert TEXT[cited["start_index"] : cited["end_index"]] == sentence
        assert cited["url"] == LINK
        assert cited["title"] == "Index versions"
    assert float(response.headers["x-groundwork-cost"]) > 0


async def test_the_native_answer_comes_along_without_its_text(client: httpx.AsyncClient) -> None:
    completion = (await client.post(CHAT, json=chat())).json()
    native = completion["groundwork"]
    assert native["id"].removeprefix("ans-") == completion["id"].removeprefix("chatcmpl-")
    assert not {"answer", "question", "usage"} & native.keys()
    assert native["citations"][0]["quote"] == SENTENCES[0]
    assert completion["system_fingerprint"] == native["release"]
    kept = (await client.get(f"/v1/answers/{native['id']}")).json()
    assert kept["answer"] == completion["choices"][0]["message"]["content"]


@pytest.mark.parametrize("include_usage", [True, False, None])
async def test_a_stream_says_the_same_as_a_completion(
    client: httpx.AsyncClient, include_usage: bool | None
) -> None:
    options = None if include_usage is None else {"include_usage": include_usage}
    received = await chunks(client, stream_options=options)
    assert len({chunk["id"] for chunk in received}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in received if chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == TEXT
    (annotated,) = [delta for delta in deltas if "annotations" in delta]
    assert [delta for delta in deltas if "content" in delta][-1] is annotated
    completion = (await client.post(CHAT, json=chat())).json()
    assert annotated["annotations"] == completion["choices"][0]["message"]["annotations"]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in received if chunk["choices"]]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]
    assert received[-1]["usage"] == completion["usage"]
    assert received[-1]["groundwork"]["index_version"] == "v1"


async def test_usage_comes_as_openai_sends_it(client: httpx.AsyncClient) -> None:
    asked = await chunks(client, stream_options={"include_usage": True})
    assert asked[-1]["choices"] == []
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * (len(asked) - 1)
    unasked = await chunks(client)
    assert unasked[-1]["choices"][0]["finish_reason"] == "stop"
    assert [chunk for chunk in unasked if "usage" in chunk] == unasked[-1:]


@pytest.mark.parametrize("confidence", [0.9, 0.1])
async def test_responses_fit_openais_schemas(
    world: World, client: httpx.AsyncClient, confidence: float
) -> None:
    world.retriever.confidence = confidence
    validate("CreateChatCompletionResponse", (await client.post(CHAT, json=chat())).json())
    for options in (None, {"include_usage": True}):
        for chunk in await chunks(client, stream_options=options):
            validate("CreateChatCompletionStreamResponse", chunk)


async def test_an_abstained_completion(world: World, client: httpx.AsyncClient) -> None:
    world.retriever.confidence = 0.1
    completion = (await client.post(CHAT, json=chat())).json()
    assert completion["choices"][0]["message"]["content"] == NOT_FOUND
    assert completion["choices"][0]["message"]["annotations"] == []
    assert completion["groundwork"]["abstained"] is True
    assert completion["usage"]["total_tokens"] == 0
    received = await chunks(client)
    assert received[1]["choices"][0]["delta"]["content"] == NOT_FOUND
    assert not any("annotations" in chunk["choices"][0]["delta"] for chunk in received)


async def test_the_last_user_message_is_the_question_and_the_rest_history(
    world: World, client: httpx.AsyncClient
) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("Hi"),
        {"role": "assistant", "content": "Hello"},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        user([{"type": "text", "text": "How do I"}, {"type": "text", "text": "roll back?"}]),
    ]
    assert (await client.post(CHAT, json=chat(*messages))).status_code == 200
    assert world.retriever.calls[0].question == "How do I\nroll back?"
    assert world.generator.histories == [(Turn("user", "Hi"), Turn("assistant", "Hello"))]


@pytest.mark.parametrize("model", ["groundwork", "groundwork/docs"])
async def test_models_name_indexes(world: World, client: httpx.AsyncClient, model: str) -> None:
    completion = (await client.post(CHAT, json={**chat(), "model": model})).json()
    assert completion["model"] == model
    assert world.retriever.calls[0].index == "docs"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "model", ["gpt-5", "groundwork/handbook", "groundwork/", "groundwork/../x", "", "\ud800"]
)
async def test_an_unknown_model(
    world: World, client: httpx.AsyncClient, model: str, stream: bool
) -> None:
    raw = json.dumps(chat(stream=stream) | {"model": model})
    response = await client.post(CHAT, content=raw, headers={"Content-Type": "application/json"})
    if model == "\ud800":
        assert response.status_code in {400, 404}
        return
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == "model"
    assert error["code"] == "model_not_found"
    assert world.kept() == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (chat(n=2), "n"),
        (chat(tools=[{"type": "function", "function": {"name": "f"}}]), "tools"),
        (chat(tool_choice="required"), "tool_choice"),
        (chat(tool_choice={"type": "function"}), "tool_choice"),
        (chat(functions=[{"name": "f"}]), "functions"),
        (chat(audio={"voice": "a", "format": "mp3"}), "audio"),
        (chat(modalities=["text", "audio"]), "modalities"),
        (chat(logprobs=True), "logprobs"),
        (chat(top_logprobs=3), "top_logprobs"),
        (chat(response_format={"type": "json_object"}), "response_format"),
        (chat(temperature="hot"), "temperature"),
        (chat(temperature=3), "temperature"),
        (chat(messages=[]), "messages"),
        (chat(messages="hello"), "messages"),
        ({"model": "groundwork"}, "messages"),
        ({"messages": [user("x")]}, "model"),
        (chat({"role": "system", "content": "x"}), "messages"),
        (chat({"role": "tool", "content": "x"}), "messages[0].role"),
        (chat(user("")), "messages[0].content"),
        (chat(user(None)), "messages[0].content"),
        (chat(user(5)), "messages[0].content"),
        (chat(user("x" * 8001)), "messages[0].content"),
        (chat(user("a"), user("b\0")), "messages[1].content"),
        (chat(user("a\udfff"), user("b")), "messages[0].content"),
        (chat(user([{"type": "image_url", "image_url": {"url": "x"}}])), "messages[0].content[0]"),
        (chat(user([{"type": "text", "text": "x"}, "y"])), "messages[0].content[1]"),
        (chat(user([{"type": "text"}])), "messages[0].content[0].text"),
    ],
)
async def test_what_is_not_offered_is_a_400_that_names_the_parameter(
    world: World, client: httpx.AsyncClient, body: dict[str, Any], param: str
) -> None:
    raw = json.dumps(body)
    response = await client.post(CHAT, content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]
    validate("ErrorResponse", response.json())
    assert world.kept() == []


async def test_harmless_parameters_have_no_effect(client: httpx.AsyncClient) -> None:
    body = chat(
        temperature=0.2, top_p=1, max_tokens=5, max_completion_tokens=5, user="u", seed=1,
        metadata={"a": "b"}, stop=["x"], logprobs=False, n=1, tools=[], tool_choice="auto",
        response_format={"type": "text"}, modalities=["text"], store=False, service_tier="auto",
        presence_penalty=0, a_future_parameter={"x": 1}, stream_options=None,
    )  # fmt: skip
    response = await client.post(CHAT, json=body)
    assert response.status_code == 200
    assert response.json()["choices"][0]["message"]["content"] == TEXT


async def test_a_full_service_says_when_to_try_again(
    world: World, client: httpx.AsyncClient
) -> None:
    for _ in range(world.settings.service.max_concurrency):
        world.app.state.context.admission.enter()
    response = await client.post(CHAT, json=chat())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["type"] == "server_error"
    validate("ErrorResponse", response.json())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unavailable("the model does not answer"), "the model does not answer"),
        (RuntimeError("a secret"), "Something went wrong here."),
    ],
)
async def test_an_error_in_the_middle_of_a_stream_ends_it(
    world: World, client: httpx.AsyncClient, error: Exception, message: str
) -> None:
    world.generator.error = error
    response = await client.post(CHAT, json=chat(stream=True))
    events = events_of(response.text)
    last = json.loads(events[-1][1])
    assert last["error"]["message"].startswith(message)
    assert last["error"]["type"] == "server_error"
    assert "secret" not in response.text
    validate("ErrorResponse", last)
