from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from groundwork.core.metering.callers import ADMIN, ASK
from groundwork.core.metering.keys import NewKey
from groundwork.core.settings.monitoring import RetrainingSettings
from groundwork.core.settings.telemetry import TracesSettings
from groundwork.serving.store import _feedback
from tests.monitoring.watched_world import Watched, build_watched

QUESTION = "How do I reach jane.doe@acme-pumps.io about the pump limit?"
RETRAINED = RetrainingSettings(data={"assistant/docs": ["docs"], "ocr/cards": ["cards"]})


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    held = build_watched(tmp_path, retraining=RETRAINED)
    yield held
    held.close()


async def ask(watched: Watched, question: str = QUESTION, **headers: str) -> dict[str, Any]:
    async with watched.world.client(headers=headers) as client:
        response = await client.post("/v1/ask", json={"question": question})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def trace_of(watched: Watched, trace_id: str) -> list[dict[str, Any]]:
    assert watched.monitoring.tracer.flush()
    async with watched.world.client() as client:
        response = await client.get(f"/v1/traces/{trace_id}")
    assert response.status_code == 200, response.text
    (trace,) = response.json()["traces"]
    return list(trace["spans"])


async def test_the_trace_id_of_an_answer_opens_its_trace(watched: Watched) -> None:
    answer = await ask(watched, traceparent=f"00-{'c' * 32}-{'d' * 16}-01")
    assert answer["trace_id"] == "c" * 32
    spans = await trace_of(watched, answer["trace_id"])
    root = spans[0]
    assert root["name"] == f"invoke_agent {answer['index']}"
    assert root["parent_id"] == "d" * 16
    about = root["attributes"]
    assert about["gen_ai.operation.name"] == "invoke_agent"
    assert about["gen_ai.agent.version"] == answer["release"]
    assert about["groundwork.answer.id"] == answer["id"]
    assert about["groundwork.outcome"] == "answered"
    assert about["groundwork.picodollars"] == answer["cost"]["picodollars"]
    by_name = {span["name"]: span for span in spans}
    assert {"input_rails", "retrieve", "generate", "output_rails"} <= set(by_name)
    assert by_name["retrieve"]["attributes"]["gen_ai.operation.name"] == "retrieval"
    assert len(by_name["retrieve"]["attributes"]["groundwork.passages"]) == 3
    generated = by_name["generate"]["attributes"]
    assert generated["gen_ai.usage.input_tokens"] == 40
    assert generated["gen_ai.usage.output_tokens"] == 12
    assert {span["parent_id"] for span in spans[1:]} == {root["span_id"]}
    assert all(root["began"] <= span["began"] <= span["ended"] for span in spans)
    assert "jane" not in str(spans)
    assert "pump" not in str(spans)


async def test_texts_are_recorded_by_setting_only_and_scrubbed(tmp_path: Path) -> None:
    watched = build_watched(tmp_path, traces=TracesSettings(content=True))
    answer = await ask(watched)
    text = str(await trace_of(watched, answer["trace_id"]))
    assert "about the pump limit" in text
    assert "[e-mail address removed]" in text
    assert "jane.doe" not in text
    assert "gen_ai.output.messages" in text
    assert "gen_ai.retrieval.documents" in text
    watched.close()


async def test_what_fails_is_traced_though_nothing_is_sampled(tmp_path: Path) -> None:
    watched = build_watched(tmp_path, traces=TracesSettings(share=0.0))
    await ask(watched)
    watched.world.generator.error = RuntimeError("boom")
    async with watched.world.client() as client:
        response = await client.post("/v1/ask", json={"question": QUESTION})
        assert response.status_code == 500
    watched.monitoring.tracer.flush()
    assert watched.monitoring.traces is not None
    (line,) = watched.monitoring.traces.newest()
    assert line["error"] == "failed"
    (spans,) = watched.monitoring.traces.get(response.headers["x-request-id"])
    assert {span.name: span.error for span in spans.spans}["generate"] == "RuntimeError"
    watched.close()


async def test_traces_of_other_teams_are_nobodys_business(watched: Watched) -> None:
    answer = await ask(watched)
    keys = watched.world.services.accounts.keys
    own = keys.create(NewKey("a", team="red", scopes=(ASK,)), "test")[1]
    admin = keys.create(NewKey("b", scopes=(ADMIN,)), "test")[1]
    watched.monitoring.tracer.flush()
    async with watched.world.client() as client:
        path = f"/v1/traces/{answer['trace_id']}"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers={"x-api-key": own})).status_code == 404
        assert (await client.get(path, headers={"x-api-key": admin})).status_code == 200
        body = {"question": QUESTION}
        asked = await client.post("/v1/ask", json=body, headers={"x-api-key": own})
        watched.monitoring.tracer.flush()
        mine = f"/v1/traces/{asked.json()['trace_id']}"
        assert (await client.get(mine, headers={"x-api-key": own})).status_code == 200
        assert (await client.get("/v1/traces/zz", headers={"x-api-key": own})).status_code == 404


async def test_answers_feed_drift_and_metrics(watched: Watched) -> None:
    for _ in range(3):
        await ask(watched)
    watched.world.retriever.confidence = 0.1
    await ask(watched)
    (monitor,) = watched.monitoring.monitors.known()
    assert monitor.name == "assistant/docs"
    assert monitor.last().observed == 4
    rows = watched.monitoring.monitors.recorder.store.newest(monitor.name, 10)
    assert [row["outcome"] for _, row in rows] == ["answered"] * 3 + ["abstained"]
    assert rows[0][1]["question"].shape == (2,)
    assert "question" in rows[0][1]
    assert QUESTION not in str(rows)
    async with watched.world.client() as client:
        body = {"answer_id": "ans-1", "citation": 1}
        assert (await client.post("/v1/clicks", json=body)).status_code == 201
        text = (await client.get("/metrics")).text
    lines = text.splitlines()
    assert 'groundwork_unanswered_total{reason="low_confidence"} 1.0' in lines
    assert 'groundwork_model_confidence_count{model="assistant"} 4.0' in lines
    assert 'groundwork_cache_lookups_total{result="miss"} 4.0' in lines
    assert 'groundwork_clicks_total{what="citation"} 1.0' in lines
    assert "groundwork_ledger_behind_seconds" in text
    assert 'groundwork_traces_dropped_total{place="store"} 0.0' in lines


def alerts(*labels: dict[str, str], status: str = "firing") -> dict[str, Any]:
    shown = [{"status": status, "labels": each, "annotations": {"summary": "s"}} for each in labels]
    return {"version": "4", "alerts": shown, "groupKey": "x"}


async def test_alerts_ask_for_retrainings_and_a_hundred_are_one(watched: Watched) -> None:
    label = {"alertname": "GroundworkDrift", "retrain": "ocr/cards", "cause": "drift"}
    async with watched.world.client() as client:
        body = alerts(*[label] * 100, {"alertname": "Other"})
        decisions = (await client.post("/v1/alerts", json=body)).json()["decisions"]
        assert [each["verdict"] for each in decisions].count("queued") == 1
        assert len(decisions) == 100
        resolved = await client.post("/v1/alerts", json=alerts(label, status="resolved"))
        assert resolved.json() == {"decisions": []}
        wrong = await client.post("/v1/alerts", json=alerts({"retrain": "nothing"}))
        assert wrong.status_code == 422
        state = (await client.get("/v1/monitoring")).json()
    (run,) = state["retrainings"]
    assert (run["line"], run["cause"], run["asked"]) == ("ocr/cards", "drift", 100)
    assert run["reason"] == "GroundworkDrift: s"


async def test_a_fall_of_thumbs_up_asks_for_a_retraining(watched: Watched) -> None:
    store = watched.world.services.store
    ids = [(await ask(watched))["id"] for _ in range(60)]
    assert watched.world.services.accounts.recorder.flush(10)
    engine = store._engine
    with engine.begin() as connection:
        for n, answer_id in enumerate(ids):
            old = n < 30
            connection.execute(
                sql.insert(_feedback).values(
                    answer_id=answer_id,
                    created_at=_ago(days=10) if old else _ago(hours=1),
                    rating="up" if old or n % 3 == 0 else "down",
                    comment="",
                )
            )
    watched.watch.round()
    (run,) = watched.monitoring.desk.runs()
    assert run.cause == "quality"
    assert run.reason.startswith("thumbs up fell from 100% to 33%")


def _ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat(timespec="milliseconds")


async def test_requests_that_are_no_answers_are_traced_and_errors_counted(
    watched: Watched,
) -> None:
    async with watched.world.client() as client:
        found = await client.post("/v1/search", json={"query": "pump limit"})
        assert found.status_code == 200
        missing = await client.post("/v1/ask", json={"question": "x", "index": "nowhere"})
        assert missing.status_code == 404
        text = (await client.get("/metrics")).text
    assert 'groundwork_errors_total{code="index-missing"} 1.0' in text
    assert 'groundwork_index_built_timestamp_seconds{index="docs"} 1.7' in text
    (root, stage) = await trace_of(watched, found.headers["x-request-id"])
    assert root["name"] == "POST /v1/search"
    assert root["attributes"]["http.response.status_code"] == 200
    assert stage["name"] == "retrieve"
    assert found.headers["traceparent"].split("-")[2] == root["span_id"]
    refused = await trace_of(watched, missing.headers["x-request-id"])
    assert refused[0]["attributes"]["groundwork.problem"] == "index-missing"
