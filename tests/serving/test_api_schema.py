"""The service against its own description, and against anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from groundwork.core.errors import InvalidInput
from groundwork.retrieval.index.names import checked_index
from groundwork.serving.api.schemas import IndexName
from tests.serving.api_fakes import BASE_URL, QUESTION, World

POSTS = ["/v1/ask", "/v1/search", "/v1/feedback", "/v1/chat/completions"]
OWN_STATUSES = {200, 201, 400, 404, 422}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "question", "query", "index", "filters", "k", "stream", "history", "model", "messages", "n",
        "answer_id", "rating", "comment", "tools", "temperature", "stream_options", "stop",
    ]
)  # fmt: skip
ALMOST = st.dictionaries(FIELDS, ANYTHING, max_size=6).flatmap(
    lambda body: st.sampled_from(
        [
            body,
            {"question": QUESTION, **body},
            {"model": "groundwork", "messages": [{"role": "user", "content": QUESTION}], **body},
        ]
    )
)


def _excluded(case: schemathesis.Case) -> list[Any]:
    # OpenAI's schema has many parameters that are refused with a 400, and no schema says what a month, a date or a
    # known dimension is: fitting it does not mean being accepted.
    # Nor are the classic models and the monitoring a part of this world; a year that comes after another fits no schema.
    parts = (
        "/v1/costs",
        "/v1/keys",
        "/v1/recommendations",
        "/v1/ocr",
        "/v1/alerts",
        "/v1/clicks",
        "/v1/monitoring",
    )
    lenient = case.path == "/v1/chat/completions" or case.path.startswith(parts)
    if case.path == "/readyz":
        # A service that is still loading says so with a 503.
        return [not_a_server_error]
    return [positive_data_acceptance] if lenient else []


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_does_what_the_description_says(world: World, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", world.app, headers={"Host": "127.0.0.1"}
    )
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 28
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.method != "post":
            # Nothing in these can be wrong.
            continue

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(base_url=BASE_URL, excluded_checks=_excluded(case))

        check()


@pytest.mark.parametrize("path", POSTS)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=ANYTHING | ALMOST)
async def test_any_json_is_answered_or_refused_in_order(
    make_world: Callable[..., World], path: str, body: Any
) -> None:
    world = make_world()
    async with world.client() as client:
        response = await client.post(
            path, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
    assert response.status_code in OWN_STATUSES
    if response.status_code >= 400:
        assert world.kept() == []
        document = response.json()
        assert document["error"]["message"] if "error" in document else document["detail"]
    world.services.close()


def test_the_examples_fit_their_schemas(world: World) -> None:
    document = world.app.openapi()
    registry: Registry[Any] = Registry().with_resource(
        "urn:own", Resource.from_contents(document, default_specification=DRAFT202012)
    )
    checked = 0
    for name, component in document["components"]["schemas"].items():
        for example in component.get("examples", []):
            pointer = {"$ref": f"urn:own#/components/schemas/{name}"}
            Draft202012Validator(pointer, registry=registry).validate(example)
            checked += 1
    assert checked >= 10


def test_every_operation_is_described(world: World) -> None:
    document = world.app.openapi()
    assert "HTTPValidationError" not in json.dumps(document)
    assert document["components"]["schemas"]["Problem"]["required"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            codes = operation["responses"].keys()
            assert "403" in codes, where
            if method == "post":
                assert {"400", "401", "413", "415", "503"} <= codes, where
                assert operation["requestBody"]["required"], where
            errors = {code: each for code, each in operation["responses"].items() if code > "399"}
            for code, response in errors.items():
                assert response["content"], f"{where} {code}"


@given(name=st.text("ab0_-A./", max_size=70))
def test_the_api_takes_exactly_the_index_names_that_the_engines_take(name: str) -> None:
    try:
        taken = bool(checked_index(name))
    except InvalidInput:
        taken = False
    try:
        fits = bool(TypeAdapter(IndexName).validate_python(name))
    except ValidationError:
        fits = False
    assert fits == taken
