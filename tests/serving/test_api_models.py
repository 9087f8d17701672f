"""A model's name stands for an index and a generator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from groundwork.core.errors import IndexMissing
from groundwork.serving.api.chat_request import to_question
from groundwork.serving.api.models import index_of
from groundwork.serving.api.openai_shapes import ChatBody
from groundwork.serving.app import create_app
from groundwork.serving.generate.router import Route, RoutedGenerator
from tests.serving.api_fakes import BASE_URL, build_world
from tests.serving.generator_fakes import FakeGenerator


@pytest.fixture
async def routed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    world = build_world(tmp_path)
    generator = RoutedGenerator(
        [Route("default", "large", FakeGenerator("llm"))], FakeGenerator("extractive")
    )
    assistant = replace(world.services.assistant, generator=generator)
    app = create_app(world.settings, replace(world.services, assistant=assistant))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        yield client
    world.services.close()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("groundwork", ("docs", None)),
        ("groundwork/handbook", ("handbook", None)),
        ("groundwork:quick", ("docs", "quick")),
        ("groundwork/handbook:llm-8b.v2", ("handbook", "llm-8b.v2")),
    ],
)
def test_a_models_name_is_read(model: str, expected: tuple[str, str | None]) -> None:
    assert index_of(model, "docs") == expected


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt-5",
        "groundwork:",
        "groundwork/",
        "groundwork/:quick",
        "groundwork/A",
        ":quick",
        "x:quick",
    ],
)
def test_other_names_are_no_models(model: str) -> None:
    with pytest.raises(IndexMissing, match="no model") as raised:
        index_of(model, "docs")
    assert raised.value.field == "model"


def test_a_chat_request_passes_the_generator_on() -> None:
    body = ChatBody.model_validate(
        {"model": "groundwork/handbook:quick", "messages": [{"role": "user", "content": "Why?"}]}
    )
    question = to_question(body, "docs", 100)
    assert (question.index, question.generator) == ("handbook", "quick")


async def test_each_generator_is_listed_and_can_be_looked_up(routed: httpx.AsyncClient) -> None:
    listed = (await routed.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == [
        "groundwork", "groundwork:default", "groundwork:extractive",
        "groundwork/docs", "groundwork/docs:default", "groundwork/docs:extractive",
    ]  # fmt: skip
    for model in listed:
        assert (await routed.get(f"/v1/models/{model['id']}")).json() == model


async def test_a_generator_that_is_not_there_is_no_model(routed: httpx.AsyncClient) -> None:
    response = await routed.get("/v1/models/groundwork:llm")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
