from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from groundwork.core.answers import Turn
from groundwork.core.errors import Unavailable
from groundwork.retrieval.index.base import Filter
from groundwork.serving.write import NOT_FOUND
from tests.serving.api_fakes import PAGE, QUESTION, SENTENCES, RawRequest, World, events_of

ASK = {"question": QUESTION}


async def test_an_answer_has_everything_that_the_design_promises(
    world: World, client: httpx.AsyncClient
) -> None:
    response = await client.post("/v1/ask", json=ASK)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer["answer"] == f"{SENTENCES[0]} [1]\n{SENTENCES[1]} [2]\n"
    assert not answer["abstained"]
    assert answer["reason"] is None
    assert answer["index_version"] == "v1"
    assert answer["release"].startswith("rel-")
    assert answer["usage"]["total_tokens"] == 52
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 8
    assert answer["budget"] is None
    assert answer["rails"] == []
    assert {"retrieve", "generate", "total"} <= answer["timings_ms"].keys()
    assert [citation["n"] for citation in answer["citations"]] == [1, 2]
    for citation, sentence in zip(answer["citations"], SENTENCES, strict=True):
        assert answer["answer"][citation["start"] : citation["end"]] == sentence
        assert citation["quote"] == sentence
        assert citation["quote"] in PAGE
        assert citation["anchor"] == "rollback"
        assert citation["heading_path"] == ["Index versions", "Rollback"]


async def test_the_cost_in_the_header_is_the_sum_of_the_charges(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/ask", json=ASK)
    cost = response.json()["cost"]
    charged = sum(Decimal(charge["amount"]) for charge in cost["charges"])
    assert Decimal(response.headers["X-Groundwork-Cost"]) == Decimal(cost["amount"]) == charged > 0
    assert Decimal(cost["picodollars"]) == charged * 10**12


async def test_the_cost_is_in_the_currency_of_the_price_book(
    make_world: Callable[..., World],
) -> None:
    async with make_world(currency="EUR").client() as client:
        answer = (await client.post("/v1/ask", json=ASK)).json()
    assert answer["cost"]["currency"] == "EUR"


async def test_the_answer_is_kept(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/ask", json=ASK)).json()
    again = await client.get(f"/v1/answers/{answer['id']}")
    assert again.json() == answer


async def test_what_the_caller_says_reaches_retrieval_and_generation(
    world: World, client: httpx.AsyncClient
) -> None:
    body = {
        "question": f"  {QUESTION}\n",
        "history": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
        ],
        "index": "docs",
        "filters": {"path": "guides", "tags": ["a", "b"], "version": None},
        "k": 2,
        "stream": False,
    }
    assert (await client.post("/v1/ask", json=body)).status_code == 200
    (call,) = world.retriever.calls
    assert call.question == QUESTION
    assert call.where == Filter(path=("guides",), tags=("a", "b"))
    assert call.limit == 2
    assert world.generator.histories == [(Turn("user", "Hi"), Turn("assistant", "Hello"))]


async def test_an_abstained_answer_says_why_and_cites_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    world.retriever.confidence = 0.1
    answer = (await client.post("/v1/ask", json=ASK)).json()
    assert answer["abstained"]
    assert answer["reason"] == "low_confidence"
    assert answer["answer"] == NOT_FOUND
    assert answer["citations"] == []
    assert world.generator.histories == []


async def test_a_generator_that_finds_nothing_abstains(
    world: World, client: httpx.AsyncClient
) -> None:
    world.generator.silent = True
    answer = (await client.post("/v1/ask", json=ASK)).json()
    assert answer["abstained"]
    assert answer["reason"] == "no_supported_answer"


async def test_a_stream_has_its_events_in_order(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/ask", json={**ASK, "stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in response.headers
    events = [(name, json.loads(data)) for name, data in events_of(response.text)]
    assert [name for name, _ in events] == [
        "start", "delta", "citation", "delta", "citation", "done",
    ]  # fmt: skip
    start, done = events[0][1], events[-1][1]
    assert start == {
        name: done[name]
        for name in (
            "id",
            "trace_id",
            "index",
            "index_version",
            "release",
            "model",
            "conversation_id",
        )
    }
    assert "".join(data["text"] for name, data in events if name == "delta") == done["answer"]
    assert [data for name, data in events if name == "citation"] == done["citations"]
    assert start["trace_id"] == response.headers["x-request-id"]


async def test_an_abstained_stream_ends_in_an_answer(
    world: World, client: httpx.AsyncClient
) -> None:
    world.retriever.passages = []
    response = await client.post("/v1/ask", json={**ASK, "stream": True})
    events = events_of(response.text)
    assert [name for name, _ in events] == ["start", "delta", "done"]
    assert json.loads(events[-1][1])["reason"] == "nothing_found"


async def test_an_error_in_the_middle_of_a_stream_is_its_last_event(
    world: World, client: httpx.AsyncClient
) -> None:
    world.generator.error = Unavailable("the model does not answer", retry_after=2)
    response = await client.post("/v1/ask", json={**ASK, "stream": True})
    name, data = events_of(response.text)[-1]
    assert name == "error"
    problem = json.loads(data)
    assert problem["status"] == 503
    assert problem["detail"] == "the model does not answer"
    assert problem["trace_id"] == response.headers["x-request-id"]
    record = await world.kept_one()
    assert record["outcome"] == "failed"
    assert SENTENCES[1] in record["answer"]
    assert record["trace_id"] == problem["trace_id"]


async def test_an_unforeseen_error_in_a_stream_tells_nothing_but_the_trace(
    world: World, client: httpx.AsyncClient
) -> None:
    world.generator.error = RuntimeError("a secret")
    response = await client.post("/v1/ask", json={**ASK, "stream": True})
    name, data = events_of(response.text)[-1]
    assert name == "error"
    assert json.loads(data)["status"] == 500
    assert "secret" not in response.text


async def test_an_unforeseen_error_is_a_problem_with_all_headers(
    world: World, client: httpx.AsyncClient
) -> None:
    world.generator.error = RuntimeError("a secret")
    response = await client.post("/v1/ask", json=ASK)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["trace_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": " \n\t"}, "question"),
        ({"question": "x" * 8001}, "question"),
        ({"question": "a\0b"}, "question"),
        ({"question": "half \ud800 a pair"}, "question"),
        ({"question": 5}, "question"),
        ({}, "question"),
        ({**ASK, "k": 0}, "k"),
        ({**ASK, "k": 51}, "k"),
        ({**ASK, "k": "3"}, "k"),
        ({**ASK, "k": True}, "k"),
        ({**ASK, "index": "../etc"}, "index"),
        ({**ASK, "index": ""}, "index"),
        ({**ASK, "index": "Docs"}, "index"),
        ({**ASK, "index": "a__b"}, "index"),
        ({**ASK, "index": "x" * 64}, "index"),
        ({**ASK, "stream": "yes"}, "stream"),
        ({**ASK, "questoin": "x"}, "questoin"),
        ({**ASK, "filters": {"pth": "x"}}, "filters.pth"),
        ({**ASK, "filters": {"path": ["a", 5]}}, "filters.path[1]"),
        ({**ASK, "filters": {"path": ["x"] * 21}}, "filters.path"),
        ({**ASK, "history": [{"role": "robot", "content": "x"}]}, "history[0].role"),
        ({**ASK, "history": [{"role": "user", "content": "a\0"}]}, "history[0].content"),
        ({**ASK, "history": [{"role": "user", "content": "a\udfff"}]}, "history[0].content"),
        ({**ASK, "bad\nname": 1}, "bad\\x0aname"),
    ],
)
async def test_a_value_that_does_not_fit_is_named_and_nothing_is_kept(
    world: World, client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    raw = json.dumps(body)
    response = await client.post(
        "/v1/ask", content=raw, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:groundwork:problem:invalid-input"
    assert problem["field"] == field
    assert problem["detail"]
    assert problem["trace_id"] == response.headers["x-request-id"]
    assert world.retriever.calls == []
    assert world.kept() == []


async def test_a_field_name_that_is_no_text_is_refused(client: httpx.AsyncClient) -> None:
    raw = json.dumps({**ASK, "\ud800": 1})
    response = await client.post(
        "/v1/ask", content=raw, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


async def test_several_wrong_fields_are_all_listed(client: httpx.AsyncClient) -> None:
    problem = (await client.post("/v1/ask", json={"k": 0, "nope": 1})).json()
    assert {error["field"] for error in problem["errors"]} == {"question", "k", "nope"}


async def test_an_unknown_index_is_a_404_even_for_a_stream(
    world: World, client: httpx.AsyncClient
) -> None:
    response = await client.post("/v1/ask", json={**ASK, "index": "handbook", "stream": True})
    assert response.status_code == 404
    assert response.json()["field"] == "index"
    assert response.json()["type"] == "urn:groundwork:problem:index-missing"
    assert world.kept() == []


async def test_too_many_answers_in_flight_get_a_503_and_the_place_comes_back(
    make_world: Callable[..., World],
) -> None:
    world = make_world(max_concurrency=1)
    world.generator.hang_after = 1
    hanging = RawRequest("/v1/ask", [json.dumps({**ASK, "stream": True}).encode()])
    running = asyncio.create_task(hanging.run(world.app))
    await asyncio.wait_for(world.generator.waiting.wait(), 5)
    async with world.client() as client:
        refused = await client.post("/v1/ask", json=ASK)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        hanging.leave.set()
        await asyncio.wait_for(running, 5)
        world.generator.hang_after = None
        assert (await client.post("/v1/ask", json=ASK)).status_code == 200
        assert (await client.post("/v1/ask", json={**ASK, "index": "gone"})).status_code == 404
        assert (await client.post("/v1/ask", json=ASK)).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_the_generator(world: World, stream: bool) -> None:
    world.generator.hang_after = 1
    request = RawRequest("/v1/ask", [json.dumps({**ASK, "stream": stream}).encode()])
    running = asyncio.create_task(request.run(world.app))
    await asyncio.wait_for(world.generator.waiting.wait(), 5)
    assert not world.generator.closed.is_set()
    request.leave.set()
    await asyncio.wait_for(running, 5)
    assert await asyncio.to_thread(world.generator.closed.wait, 5)
    assert world.app.state.context.admission.in_flight == 0
    record = await world.kept_one()
    assert record["outcome"] == "cancelled"
    assert record["answer"] == f"{SENTENCES[0]} [1]\n"
    assert not record["abstained"]
    metrics = world.services.metrics.exposition().decode()
    assert 'groundwork_answers_total{index="docs",outcome="cancelled"} 1.0' in metrics


async def test_questions_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "groundwork"):
        response = await client.post("/v1/ask", json=ASK)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "groundwork.access"]
    assert line.startswith("POST /v1/ask 200 ")
    assert response.headers["x-request-id"] in line
    assert QUESTION not in caplog.text
