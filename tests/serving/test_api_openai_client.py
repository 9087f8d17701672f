"""The official client against the service on a socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import uvicorn
from openai.types.chat import ChatCompletionUserMessageParam

from tests.serving.api_fakes import QUESTION, SENTENCES, World
from tests.serving.openai_spec import validate

TEXT = f"{SENTENCES[0]} [1]\n{SENTENCES[1]} [2]\n"
MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """Serves the app from a thread; connections wait in the socket's queue until it has started."""
    config = uvicorn.Config(world.app, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def openai_client(address: str) -> Iterator[openai.OpenAI]:
    transport = openai.DefaultHttpxClient(trust_env=False, timeout=10)
    with openai.OpenAI(
        base_url=f"{address}/v1", api_key="unused", max_retries=0, http_client=transport
    ) as client:
        yield client


def test_a_completion(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model="groundwork", messages=MESSAGES)
    message = completion.choices[0].message
    assert message.content == TEXT
    assert message.annotations is not None
    cited = message.annotations[0].url_citation
    assert TEXT[cited.start_index : cited.end_index] == SENTENCES[0]
    assert completion.usage is not None
    assert completion.usage.total_tokens == 52
    assert completion.model_extra is not None
    assert completion.model_extra["groundwork"]["citations"][0]["quote"] == SENTENCES[0]
    validate("CreateChatCompletionResponse", completion.model_dump(mode="json", exclude_unset=True))


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream(openai_client: openai.OpenAI, include_usage: bool) -> None:
    with openai_client.chat.completions.create(
        model="groundwork/docs",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": include_usage},
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == TEXT
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 52
    annotations: list[Any] = [
        (chunk.choices[0].delta.model_extra or {}).get("annotations")
        for chunk in chunks
        if chunk.choices
    ]
    (cited,) = [each for each in annotations if each]
    assert cited[1]["url_citation"]["title"] == "Index versions"
    for chunk in chunks:
        dumped = chunk.model_dump(mode="json", exclude_unset=True)
        validate("CreateChatCompletionStreamResponse", dumped)


def test_the_streaming_helper_assembles_the_same_message(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(model="groundwork", messages=MESSAGES) as stream:
        stream.until_done()
        completion = stream.get_final_completion()
    assert completion.choices[0].message.content == TEXT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None


def test_leaving_a_stream_stops_the_generator(openai_client: openai.OpenAI, world: World) -> None:
    world.generator.hang_after = 1
    stream = openai_client.chat.completions.create(
        model="groundwork", messages=MESSAGES, stream=True
    )
    assert next(stream).choices[0].delta.role == "assistant"
    assert not world.generator.closed.is_set()
    stream.close()
    assert world.generator.closed.wait(5)
    assert asyncio.run(world.kept_one())["outcome"] == "cancelled"


def test_models(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["groundwork", "groundwork/docs"]
    assert openai_client.models.retrieve("groundwork/docs").owned_by == "groundwork"


def test_errors_are_the_clients_own(openai_client: openai.OpenAI, world: World) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        openai_client.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        openai_client.chat.completions.create(model="groundwork", messages=MESSAGES, n=3)
    assert wrong.value.param == "n"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("groundwork/handbook")
    world.generator.error = RuntimeError("boom")
    with pytest.raises(openai.InternalServerError) as failed:
        openai_client.chat.completions.create(model="groundwork", messages=MESSAGES)
    assert "boom" not in str(failed.value)


def test_an_error_in_a_stream_reaches_the_caller(
    openai_client: openai.OpenAI, world: World
) -> None:
    from groundwork.core.errors import Unavailable

    world.generator.error = Unavailable("the model does not answer")
    stream = openai_client.chat.completions.create(
        model="groundwork", messages=MESSAGES, stream=True
    )
    with pytest.raises(openai.APIError, match="the model does not answer"):
        list(stream)
