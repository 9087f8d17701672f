"""Search, answers, feedback, models, health and metrics."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from groundwork.core.errors import Unavailable
from groundwork.retrieval.index.base import Filter
from tests.serving.api_fakes import PAGE, QUESTION, World
from tests.serving.openai_spec import validate


async def answer_id(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/ask", json={"question": QUESTION})).json()["id"])


async def test_search_returns_passages_with_scores(world: World, client: httpx.AsyncClient) -> None:
    body = {"query": "rollback", "k": 2, "filters": {"section": "Rollback"}}
    response = await client.post("/v1/search", json=body)
    found = response.json()
    assert found["index"] == "docs"
    assert found["index_version"] == "v1"
    assert found["confidence"] == 0.9
    assert found["trace_id"] == response.headers["x-request-id"]
    assert {"retrieve", "total"} == found["timings_ms"].keys()
    assert len(found["results"]) == 2
    assert found["results"][0] == {
        "id": "chunk-0",
        "score": 0.9,
        "dense": 0.7,
        "sparse": 4.2,
        "title": "Index versions",
        "url": "https://docs.example.com/guides/indexes",
        "anchor": "rollback",
        "link": "https://docs.example.com/guides/indexes#rollback",
        "heading_path": ["Index versions", "Rollback"],
        "text": PAGE,
        "page": "guides/indexes.md",
        "revision": "9f2c1d7",
        "tags": ["operations"],
        "product_version": "2.1",
    }
    assert world.retriever.calls[0].where == Filter(section=("Rollback",))
    assert float(response.headers["x-groundwork-cost"]) > 0


async def test_search_returns_five_unless_told(world: World, client: httpx.AsyncClient) -> None:
    await client.post("/v1/search", json={"query": "rollback"})
    assert world.retriever.calls[0].limit == 5


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"query": " "}, 422, "query"),
        ({}, 422, "query"),
        ({"query": "x", "k": 51}, 422, "k"),
        ({"query": "x", "stream": True}, 422, "stream"),
        ({"query": "x", "index": "handbook"}, 404, "index"),
    ],
)
async def test_search_refuses(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, field: str
) -> None:
    response = await client.post("/v1/search", json=body)
    assert response.status_code == status
    assert response.json()["field"] == field


@pytest.mark.parametrize("unknown", ["ans-0", "x" * 65, "a%00b", "%F0%9F%98%80", "a b"])
async def test_an_unknown_answer_is_a_404(client: httpx.AsyncClient, unknown: str) -> None:
    response = await client.get(f"/v1/answers/{unknown}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_feedback_is_kept_with_the_answer(world: World, client: httpx.AsyncClient) -> None:
    known = await answer_id(client)
    first = await client.post("/v1/feedback", json={"answer_id": known, "rating": "up"})
    assert first.status_code == 201
    assert first.json() == {"id": 1, "answer_id": known, "rating": "up"}
    second = {
        "answer_id": known, "rating": "down", "comment": "other product", "source": "wrong_source",
    }  # fmt: skip
    assert (await client.post("/v1/feedback", json=second)).status_code == 201
    kept = [(row["rating"], row["comment"]) for row in world.store.feedback(known)]
    assert kept == [("up", ""), ("down", "[wrong_source] other product")]
    metrics = (await client.get("/metrics")).text
    assert 'groundwork_feedback_total{rating="down"} 1.0' in metrics


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"answer_id": "ans-unknown"}, 404, "answer_id"),
        ({"answer_id": "a\0"}, 422, "answer_id"),
        ({"rating": "meh"}, 422, "rating"),
        ({"comment": "x" * 2001}, 422, "comment"),
        ({"comment": "a\0"}, 422, "comment"),
        ({"source": "liked"}, 422, "source"),
        ({"stars": 5}, 422, "stars"),
    ],
)
async def test_feedback_refuses(
    world: World, client: httpx.AsyncClient, change: dict[str, Any], status: int, field: str
) -> None:
    known = await answer_id(client)
    body = {"answer_id": known, "rating": "up", **change}
    response = await client.post("/v1/feedback", json=body)
    assert response.status_code == status
    assert response.json()["field"] == field
    assert world.store.feedback(known) == []


async def test_models_are_the_live_indexes(world: World, client: httpx.AsyncClient) -> None:
    world.index_store.live["handbook"] = "v2"
    listed = (await client.get("/v1/models")).json()
    validate("ListModelsResponse", listed)
    assert [model["id"] for model in listed["data"]] == [
        "groundwork", "groundwork/docs", "groundwork/handbook",
    ]  # fmt: skip
    seconds = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp())
    assert [model["created"] for model in listed["data"]] == [seconds, seconds, seconds + 3600]
    for model in listed["data"]:
        assert (await client.get(f"/v1/models/{model['id']}")).json() == model


async def test_without_a_live_default_there_is_no_default_model(
    world: World, client: httpx.AsyncClient
) -> None:
    del world.index_store.live["docs"]
    assert (await client.get("/v1/models")).json() == {"object": "list", "data": []}
    assert (await client.get("/v1/models/groundwork")).status_code == 404


@pytest.mark.parametrize("model", ["gpt-5", "groundwork/unpromoted", "groundwork/a/b", "%00"])
async def test_an_unknown_model_has_openais_error(client: httpx.AsyncClient, model: str) -> None:
    response = await client.get(f"/v1/models/{model}")
    assert response.status_code == 404
    validate("ErrorResponse", response.json())
    assert response.json()["error"]["code"] == "model_not_found"


async def test_a_dead_engine_is_a_503_in_openais_shape(
    world: World, client: httpx.AsyncClient
) -> None:
    world.index_store.error = Unavailable("the engine does not answer")
    response = await client.get("/v1/models")
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "the engine does not answer"


async def test_the_service_lives_before_it_is_ready(
    world: World, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    response = await client.get("/readyz")
    assert response.status_code == 503
    failed = [check["name"] for check in response.json()["checks"] if not check["ok"]]
    assert failed == ["embedder"]
    await asyncio.to_thread(world.app.state.context.readiness.warm)
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert [check["name"] for check in ready.json()["checks"]] == ["embedder", "index", "ledger"]


async def test_starting_makes_the_service_ready(world: World) -> None:
    async with world.app.router.lifespan_context(world.app), world.client() as client:
        for _ in range(1000):
            ready = await client.get("/readyz")
            if ready.status_code == 200:
                break
        assert ready.json()["status"] == "ready"


async def test_an_embedder_that_fails_shows(world: World, client: httpx.AsyncClient) -> None:
    world.embedder.error = RuntimeError("no model file")
    with pytest.raises(RuntimeError):
        world.app.state.context.readiness.warm()
    checks = (await client.get("/readyz")).json()["checks"]
    assert checks[0] == {
        "name": "embedder", "ok": False, "detail": "loading failed; the log says why",
    }  # fmt: skip


async def test_a_missing_index_and_a_dead_ledger_show(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.app.state.context.readiness.warm()
    world.index_store.live.clear()

    def dead() -> None:
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(world.store, "ping", dead)
    response = await client.get("/readyz")
    assert response.status_code == 503
    details = {check["name"]: check["detail"] for check in response.json()["checks"]}
    assert "groundwork ingest" in details["index"]
    assert details["ledger"] == "the ledger does not answer"


async def test_metrics_count_requests_answers_tokens_and_money(
    world: World, client: httpx.AsyncClient
) -> None:
    answer = (await client.post("/v1/ask", json={"question": QUESTION})).json()
    await client.get(f"/v1/answers/{answer['id']}")
    await client.get("/v1/models/groundwork/docs")
    await client.get("/one/of/very/many/paths")
    world.retriever.confidence = 0.1
    await client.post("/v1/ask", json={"question": QUESTION})
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    text = response.text
    for line in (
        'groundwork_http_requests_total{method="POST",route="/v1/ask",status="2xx"} 2.0',
        'groundwork_http_requests_total{method="GET",route="/v1/answers/{answer_id}",status="2xx"} 1.0',
        'groundwork_http_requests_total{method="GET",route="unmatched",status="4xx"} 1.0',
        'groundwork_answers_total{index="docs",outcome="answered"} 1.0',
        'groundwork_answers_total{index="docs",outcome="abstained"} 1.0',
        'groundwork_tokens_total{kind="prompt"} 40.0',
        'groundwork_tokens_total{kind="cached_prompt"} 8.0',
        'groundwork_tokens_total{kind="completion"} 12.0',
        "groundwork_answers_in_flight 0.0",
        'groundwork_index_info{index="docs",version="v1"} 1.0',
        'groundwork_stage_seconds_count{stage="retrieve"} 2.0',
        'groundwork_http_request_seconds_count{route="/v1/ask"} 2.0',
    ):
        assert line in text.splitlines(), line
    assert "very/many" not in text
    cost = re.search(r'groundwork_cost_usd_total\{stage="generate"\} (\S+)', text)
    assert cost is not None
    assert float(cost[1]) == pytest.approx(44e-12 * (40 + 12))


async def test_metrics_survive_a_dead_engine(world: World, client: httpx.AsyncClient) -> None:
    world.index_store.error = Unavailable("the engine does not answer")
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert "groundwork_index_info{" not in response.text
