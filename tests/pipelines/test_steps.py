"""What components call, in this process: a training from end to end on files, and what the retraining desk decides."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kfp.compiler.pipeline_spec_builder import to_protobuf_value

from groundwork.classic.recommender.generate import Shape, generate, write
from groundwork.core.datasets_store import DataStore
from groundwork.core.errors import ConfigurationError, InvalidInput
from groundwork.core.monitoring.retraining import Desk
from groundwork.core.registry.base import Line
from groundwork.core.registry.gate import Measured, judge
from groundwork.core.settings import Settings, load
from groundwork.evals.golden import bundled_set, load_examples
from groundwork.pipelines.runs import RunFolder, states
from groundwork.pipelines.steps import ending, evaluate, ingest, retrain, train
from groundwork.pipelines.steps.step import step


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {
        "GROUNDWORK_HOME": str(tmp_path / "home"),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
        "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false",
        "GROUNDWORK_PIPELINES__RUN": str(tmp_path / "run"),
        "GROUNDWORK_MONITORING__RETRAINING__DATA": json.dumps(
            {"recommender/films": ["/data/films"], "assistant/docs": ["docs"]}
        ),
    }.items():
        monkeypatch.setenv(name, value)
    RunFolder(tmp_path / "run").begin("train", {})
    return load()


def folder(settings: Settings) -> RunFolder:
    assert settings.pipelines.run is not None
    return RunFolder(settings.pipelines.run)


def test_a_training_goes_from_step_to_step_by_files(settings: Settings, tmp_path: Path) -> None:
    ratings = tmp_path / "ratings"
    write(ratings, *generate(Shape(users=200, films=300, per_user=40)))
    at = {name: str(tmp_path / "out" / name) for name in ("version", "prepared", "model", "tested")}
    job = train.describe("recommender", "", str(ratings), 7, {"models": "popularity"})
    assert job == {
        "kind": "recommender",
        "name": settings.recommender.name,
        "data": str(ratings),
        "seed": 7,
        "options": {"models": "popularity"},
    }
    # Numbers are floats by the time that Kubeflow hands them on.
    job["seed"] = 7.0
    digest = train.data(job, at["version"])
    (kept,) = DataStore(settings.data_url).versions("ratings")
    assert kept.digest == digest
    train.features(job, at["prepared"])
    train.train(job, at["prepared"], at["model"])
    figures: dict[str, float] = {}
    train.evaluate(job, at["prepared"], at["model"], at["tested"], figures)
    assert "ndcg@10" in figures
    refusal = train.gate(job, at["tested"], str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "ndcg@10" in page
    told = train.register(job, at["version"], at["prepared"], at["model"], at["tested"])
    assert told["refusal"] == refusal
    assert to_protobuf_value(told)
    assert (told["promoted"], told["unchanged"]) == (not refusal, False)
    assert folder(settings).result() == told
    steps = [(one.step, one.state) for one in states(folder(settings).events())]
    names = ("data", "features", "train", "evaluate", "gate", "register")
    assert steps == [(name, "succeeded") for name in names]


def test_nothing_is_due(settings: Settings) -> None:
    assert retrain.decide("", "")["what"] == retrain.NOTHING
    assert folder(settings).result() == {"retrained": None}


def test_a_person_asks_for_a_model_and_hears_how_it_came_out(settings: Settings) -> None:
    decided = retrain.decide("recommender/films", "new ratings")
    assert decided["what"] == retrain.TRAIN
    assert retrain.which(decided) == retrain.TRAIN
    assert to_protobuf_value(decided)
    assert (decided["kind"], decided["name"], decided["data"]) == (
        "recommender",
        "films",
        "/data/films",
    )
    result = {"release": "rel-1", "promoted": False, "refusal": "ndcg@10 is worse"}
    # A run that goes on keeps to what was decided, though the desk has given the run away.
    assert retrain.decide("recommender/films", "new ratings") == decided
    arrived = {**decided, "run": float(decided["run"])}
    assert retrain.conclude(arrived, result) == "refused"
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    (run,) = desk.runs(Line("recommender", "films"))
    desk.close()
    assert (run.state, run.outcome, run.detail) == ("done", "refused", "ndcg@10 is worse")
    assert folder(settings).result()["retrained"] == "recommender/films"


def test_an_assistant_is_made_anew_by_its_sources(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.md").write_text("# A\n\nWords about pumps.\n")
    monkeypatch.setenv(
        "GROUNDWORK_MONITORING__RETRAINING__DATA", json.dumps({"assistant/docs": [str(pages)]})
    )
    decided = retrain.decide("assistant/docs", "pages changed")
    assert decided["what"] == retrain.INGEST
    assert (decided["index"], decided["sources"]) == ("docs", [str(pages)])
    result = retrain.refresh(decided)
    assert (result["promoted"], result["unchanged"]) == (True, False)
    assert to_protobuf_value(result)
    assert retrain.conclude(decided, result) == "promoted"
    again = retrain.refresh(decided)
    assert again["unchanged"]
    monkeypatch.delenv("GROUNDWORK_MONITORING__RETRAINING__DATA")
    monkeypatch.delenv("GROUNDWORK_PIPELINES__RUN")
    with pytest.raises(ConfigurationError, match="RETRAINING__DATA"):
        retrain.decide("assistant/docs", "again")


def test_the_desk_hears_of_bad_data_at_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ratings"
    ratings, films = generate(Shape(users=200, films=300, per_user=40))
    stars = np.where(ratings.user % 5 == 0, np.float32(9.0), ratings.rating)
    write(folder, replace(ratings, rating=stars), films)
    data = json.dumps({"recommender/films": [str(folder)]})
    monkeypatch.setenv("GROUNDWORK_MONITORING__RETRAINING__DATA", data)
    decided = retrain.decide("recommender/films", "new ratings")
    with pytest.raises(InvalidInput, match="ratings"):
        train.data(decided, str(tmp_path / "version"))
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    (run,) = desk.runs(Line("recommender", "films"))
    desk.close()
    assert (run.state, run.outcome) == ("done", "bad-data")
    assert "within" in run.detail
    assert DataStore(settings.data_url).versions("ratings") == []


def test_the_bundled_questions_are_asked_of_an_index_that_they_are_about(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = bundled_set()
    assert bundled is not None
    asked = sorted({one.source for one in load_examples((bundled,)) if one.gold})
    pages = tmp_path / "pages"

    def ingested(names: list[str]) -> Path | None:
        for name in names:
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            (pages / name).write_text(f"# {name}\n\nWords about {name}.\n")
        data = json.dumps({"assistant/docs": [str(pages)]})
        monkeypatch.setenv("GROUNDWORK_MONITORING__RETRAINING__DATA", data)
        retrain.refresh({"index": "docs", "sources": [str(pages)]})
        return evaluate.golden_for(load(), "docs")

    assert evaluate.golden_for(settings, "docs") is None
    assert ingested([asked[0], "mine.md"]) is None
    assert ingested(asked[: len(asked) // 2 + 1]) == bundled
    monkeypatch.setenv("GROUNDWORK_PIPELINES__GOLDEN", "mine.jsonl")
    assert evaluate.golden_for(load(), "docs") == Path("mine.jsonl")


def test_the_decision_can_be_anothers(settings: Settings) -> None:
    def always(_: Settings, line: str, reason: str) -> retrain.Decided:
        return retrain.Decided(retrain.TRAIN, 5, {"kind": "ocr", "name": line, "why": reason})

    decided = retrain.decide("cards", "drift", always)
    assert decided == {"what": "train", "run": 5, "kind": "ocr", "name": "cards", "why": "drift"}


def test_a_reason_needs_its_line(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="needs the line"):
        retrain.decide("", "because")
    failed = states(folder(settings).events())[-1]
    assert (failed.step, failed.state) == ("decide", "failed")


def test_what_fails_without_words_is_said_as_well(settings: Settings) -> None:
    def fails() -> None:
        with step("odd"):
            raise ZeroDivisionError("by nothing")

    with pytest.raises(ZeroDivisionError):
        fails()
    (state,) = states(folder(settings).events())
    assert state.text == "ZeroDivisionError: by nothing"
    assert not ending.report("ingest", "FAILED", "run-1", "")


def test_an_option_that_no_ingest_has_is_named(settings: Settings, tmp_path: Path) -> None:
    options: dict[str, Any] = {"sites": "hugo"}
    with pytest.raises(InvalidInput, match="no option 'sites'"):
        ingest.discover(["docs"], "docs", options, str(tmp_path / "found"))


def test_a_set_of_ones_own_is_judged_by_what_it_measures() -> None:
    of = Measured("run", {"q1": {"passed": 1.0, "attacks_stopped": None}}, {"q1": "page"})
    assert [rule.metric for rule in evaluate.rules_for(of).rules] == ["passed"]
    assert judge(of, None, evaluate.rules_for(of)).passed
    worse = Measured("run", {"q1": {"passed": 0.0}}, {"q1": "page"})
    assert not judge(worse, None, evaluate.rules_for(worse)).passed
