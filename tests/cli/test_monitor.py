from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.tracing.spans import Spans, spans_of
from groundwork.core.monitoring.tracing.store import TraceStore
from groundwork.core.settings import load
from groundwork.core.telemetry import Trace

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDWORK_MONITORING__DRIFT__REFERENCE", "100")
    monkeypatch.setenv("GROUNDWORK_MONITORING__DRIFT__WINDOW", "60")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        code = run(cli, ["monitor", *arguments])
        return code, capsys.readouterr().out

    return call


def observe(count: int, confidence: float) -> None:
    monitors = Monitors.open(load())
    rng = np.random.default_rng(count)
    for value in rng.normal(confidence, 0.02, count):
        monitors.record("ocr/cards", {"confidence": value, "outcome": "read"})
    monitors.close()


def kept_trace() -> Spans:
    settings = load()
    store = TraceStore(settings.ledger_url)
    trace = Trace()
    with trace.stage("retrieve") as stage:
        stage.note(passages=3)
    with pytest.raises(KeyError), trace.stage("generate"):
        raise KeyError("x")
    spans = spans_of(trace, "invoke_agent docs", request="ans-1")
    store.write([spans])
    store.close()
    return spans


def test_status_says_what_a_person_should_do(command: Command) -> None:
    code, out = command("status")
    assert code == 0
    assert "answers: none within a day" in out
    assert "nothing is live" in out
    observe(160, 0.9)
    command("drift")
    observe(60, 0.5)
    command("drift")
    observe(60, 0.5)
    code, out = command("status", "--look", "--json")
    rows = {row["what"]: row for row in json.loads(out)}
    drift = rows["drift ocr/cards"]
    assert drift["level"] == "act"
    assert "confidence of what was read" in drift["says"]
    assert drift["todo"] == "see how: groundwork monitor drift ocr/cards --html report.html"
    levels = [row["level"] for row in json.loads(out)]
    assert levels == sorted(levels, key=["act", "look", "ok"].index)
    command("retrain", "ocr/cards", "--reason", "other cards")
    assert "retraining ocr/cards: waits: other cards" in command("status")[1]


def test_drift_can_be_looked_at_and_begun_anew(command: Command) -> None:
    assert "nothing has been observed" in command("drift")[1]
    observe(160, 0.9)
    observe(80, 0.5)
    _, out = command("drift", "ocr/cards")
    assert "ocr/cards: drifting: confidence of what was read from 0.8994 to" in out
    assert "* confidence" in out
    assert "  outcome" in out
    _, out = command("drift", "ocr/cards", "--begin", "other cards are here to stay", "--json")
    assert json.loads(out)[0]["state"] == "learning"
    assert command("drift", "--begin", "x")[0] == 2
    assert command("drift", "ocr/nothing:there")[0] == 2


def test_a_trace_is_opened_by_its_id(command: Command) -> None:
    spans = kept_trace()
    _, out = command("trace", spans.trace_id)
    assert "invoke_agent docs" in out
    assert "  retrieve" in out
    assert "passages = 3" in out
    assert "KeyError" in out
    assert spans.trace_id in command("traces", "--failed")[1]
    shown: list[dict[str, Any]] = json.loads(command("traces", "--json")[1])
    assert shown[0]["request"] == "ans-1"
    assert command("trace", "0" * 32)[0] == 1


def test_retrainings_are_asked_for_once(command: Command) -> None:
    assert "nothing was retrained yet" in command("retrain")[1]
    code, out = command("retrain", "recommender/films", "--reason", "new films")
    assert (code, "will be made anew" in out) == (0, True)
    _, out = command("retrain", "recommender/films", "--reason", "again", "--json")
    assert json.loads(out)["verdict"] == "joined"
    assert "recommender/films  queued  person: new films  (asked 2 times)" in command("retrain")[1]
    assert command("retrain", "recommender/films")[0] == 2


# Evidently's own: escapes in its strings, where it was never compiled before, and old names of NumPy's.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::RuntimeWarning")
def test_the_report_shows_the_feature_that_drifted(command: Command, tmp_path: Path) -> None:
    observe(160, 0.9)
    observe(80, 0.5)
    code, out = command("drift", "ocr/cards", "--html", "report.html")
    assert code == 0
    assert "* confidence" in out
    assert "written: report.html" in out
    page = (tmp_path / "report.html").read_text()
    assert page.lstrip().lower().startswith(("<!doctype html", "<html"))
    # Feature by feature, as Evidently draws them; what nobody observed is left out.
    assert set(re.findall(r'"column_name": "(\w+)"', page)) == {"confidence", "outcome"}
    assert command("drift", "--html", "all.html")[0] == 2
    assert not (tmp_path / "all.html").exists()


def test_a_report_needs_observations_on_both_sides(command: Command, tmp_path: Path) -> None:
    observe(60, 0.9)
    code, _ = command("drift", "ocr/cards", "--html", "report.html")
    assert code == 2
    assert not (tmp_path / "report.html").exists()


def test_traces_are_copied_to_mlflow_once(command: Command) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from groundwork.core.registry.open import place_of

    first, second = kept_trace(), kept_trace()
    assert command("traces", "--to-mlflow") == (0, "2 traces copied to MLflow\n")
    third = kept_trace()
    assert command("traces", "--to-mlflow") == (0, "1 traces copied to MLflow\n")
    assert command("traces", "--to-mlflow") == (0, "0 traces copied to MLflow\n")
    place = place_of(load())
    mlflow = SqlAlchemyStore(place.url, place.artifacts or "")
    for spans in (first, second, third):
        info = mlflow.get_trace_info(f"tr-{spans.trace_id}")
        assert info.experiment_id == "0"
        (trace,) = mlflow.batch_get_traces([info.trace_id])
        found = {span.name: span for span in trace.data.spans}
        assert list(found) == ["invoke_agent docs", "retrieve", "generate"]
        assert found["retrieve"].parent_id == spans.root.span_id
        assert found["retrieve"].get_attribute("passages") == 3
        assert found["generate"].status.description == "KeyError"


def test_traces_of_a_registry_on_a_server_are_not_copied(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_trace()
    monkeypatch.setenv("GROUNDWORK_REGISTRY__URL", "http://127.0.0.1:9")
    assert command("traces", "--to-mlflow")[0] == 1
