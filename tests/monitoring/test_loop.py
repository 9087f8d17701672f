"""The whole loop: something shifts, the alarm asks, a model is made anew, the gate decides, what passes answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.recommender.generate import generate
from groundwork.classic.recommender.release import load_ranker
from groundwork.classic.recommender.train import measured_on
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.retraining import Desk, Ended, Run, run_waiting
from groundwork.core.monitoring.watch import Watch
from groundwork.core.registry.base import ASSISTANT, CHAMPION, Line
from groundwork.core.registry.gate import GateSettings
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import submit
from groundwork.core.settings import load
from groundwork.evals.store import Runs
from groundwork.pipelines.steps.retrain import INGEST, NOTHING, conclude, decide, refresh
from groundwork.retrieval.index.factory import open_store
from tests.classic.recommender.test_drift import MONITORING, PLANTED, Traffic
from tests.classic.recommender.world import LINE, made, registered, trained_on
from tests.evals.handbook_set import rows
from tests.serving.handbook import publish

QUESTIONS = [row for row in rows() if row["category"] == "lookup"]


class Recommender:
    """A champion in a registry, traffic that is watched, and ratings that arrive."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.registry = MemoryRegistry()
        self.first = registered(self.registry).id
        self.traffic = Traffic(home)
        self.traffic.watch = Watch(
            self.traffic.monitors,
            self.traffic.desk,
            MONITORING,
            champions=lambda: {LINE: self.champion},
        )
        # Enough people for the gate to tell a better one.
        self.arrived, self.films = generate(replace(PLANTED, users=600))

    @property
    def champion(self) -> str:
        return self.registry.aliases(LINE)[CHAMPION]

    def shift(self) -> None:
        """People with other tastes come; two looks see it."""
        self.traffic.ask(made().ratings, 200)
        self.traffic.watch.round()
        self.traffic.looks(self.arrived, 2)

    def work(self, run: Run) -> Ended:
        """What a retraining does: check, train, measure beside the champion, gate, promote."""
        assert run.line == LINE
        new = trained_on(self.arrived, self.films)
        held = self.registry.find(self.champion, LINE)
        folder = self.registry.files(held, self.home / held.id)
        beside = measured_on(load_ranker(folder), self.arrived, self.films, "champion", 7)
        gate = GateSettings.read(kind="recommender")
        done = submit(self.registry, new.candidate, new.measured, beside, gate, actor="retraining")
        outcome = "promoted" if done.promoted else "refused"
        return Ended(outcome, done.release.id)  # type: ignore[arg-type]  # one of the two


@pytest.fixture
def recommender(tmp_path: Path) -> Iterator[Recommender]:
    held = Recommender(tmp_path)
    yield held
    held.traffic.close()


def test_a_recommender_is_made_anew_by_what_it_sees(recommender: Recommender) -> None:
    recommender.shift()
    ((run, ended),) = run_waiting(recommender.traffic.desk, recommender.work)
    assert (run.cause, ended.outcome) == ("drift", "promoted")
    assert recommender.champion == ended.detail != recommender.first
    promotions = [e for e in recommender.registry.history(LINE) if e.action == "promoted"]
    assert promotions[0].actor == "retraining"
    # What the new champion sees is the new usual.
    recommender.traffic.ask(recommender.arrived, 200)
    recommender.traffic.watch.round()
    recommender.traffic.ask(recommender.arrived, 200)
    recommender.traffic.watch.round()
    drifted = recommender.traffic.looks(recommender.arrived, 1)
    assert drifted == set()
    assert len(recommender.traffic.desk.runs(LINE)) == 1


def test_a_retraining_on_corrupted_ratings_stops_at_the_check(recommender: Recommender) -> None:
    recommender.shift()
    arrived = recommender.arrived
    stars = np.where(arrived.user % 5 == 0, np.float32(9.0), arrived.rating)
    recommender.arrived = replace(arrived, rating=stars)
    ((_, ended),) = run_waiting(recommender.traffic.desk, recommender.work)
    assert ended.outcome == "bad-data"
    assert "within" in ended.detail
    assert recommender.champion == recommender.first
    assert len(recommender.registry.releases(LINE)) == 1


def _golden(path: Path) -> Path:
    """The questions that an index without a threshold can answer."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in QUESTIONS))
    return path


@pytest.fixture
def handbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of an assistant that is remade from a folder."""
    pages = tmp_path / "pages"
    drift = {"reference": 100, "window": 60}
    data = {"assistant/handbook": [str(pages)]}
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "EMBEDDER__ENGINE": "hashing",
        "REGISTRY__REGISTER_LIVE": "false",
        "RETRIEVAL__THRESHOLD": "0.0",
        "PIPELINES__GOLDEN": str(_golden(tmp_path / "set.jsonl")),
        "MONITORING__DRIFT__REFERENCE": str(drift["reference"]),
        "MONITORING__DRIFT__WINDOW": str(drift["window"]),
        "MONITORING__RETRAINING__DATA": json.dumps(data),
        "MONITORING__RETRAINING__COOL_DOWN_HOURS": "0",
    }.items():
        monkeypatch.setenv(f"GROUNDWORK_{name}", value)
    monkeypatch.chdir(tmp_path)
    return pages


def test_an_assistant_is_made_anew_by_what_it_is_asked(handbook: Path) -> None:
    settings = load()
    first = publish(settings, handbook, "one")
    monitors = Monitors.open(settings)
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    watch = Watch(monitors, desk, settings.monitoring)
    line = Line(ASSISTANT, "handbook")
    rng = np.random.default_rng(3)

    def ask(count: int, confidence: float) -> None:
        for value in rng.normal(confidence, 0.1, count):
            monitors.record(line, {"confidence": value, "outcome": "answered"})

    ask(100, 0.8)
    watch.round()
    for _ in range(2):
        ask(60, 0.4)
        watch.round()
    # The writers have written meanwhile.
    for page in handbook.glob("*.md"):
        page.write_text(page.read_text().replace("edition one", "edition two"))
    decided = decide("", "")
    assert decided["what"] == INGEST
    result = refresh(decided)
    assert result["promoted"], result
    assert result["passed"] > 0.5
    assert conclude(decided, result) == "promoted"
    store = open_store(settings)
    live = store.alias("handbook")
    store.close()
    assert live not in {None, first}
    # The new version was measured beside the one that answered, on the same questions.
    runs = [one.run for one in Runs(settings.home).all()]
    assert {run.index_version for run in runs} == {live, first}
    assert {run.questions for run in runs} == {len(QUESTIONS)}
    monitors.close()
    desk.close()


def test_pages_that_say_nothing_any_more_are_refused_by_the_golden_set(handbook: Path) -> None:
    settings = load()
    live = publish(settings, handbook, "one")
    # Every page is still there, so the limits of an ingest have nothing against it.
    for page in sorted(handbook.glob("*.md"))[::2]:
        page.write_text("# Topic\n\nThis page is being moved.\n")
    decided = decide("assistant/handbook", "the pages were written anew")
    result = refresh(decided)
    assert not result["promoted"]
    assert "below the champion" in result["refusal"]
    assert conclude(decided, result) == "refused"
    store = open_store(settings)
    assert store.alias("handbook") == live
    assert len(store.versions("handbook")) == 2
    store.close()
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    (run,) = desk.runs(Line(ASSISTANT, "handbook"))
    assert run.detail == result["refusal"]
    desk.close()
    assert decide("", "")["what"] == NOTHING


def test_pages_that_are_gone_are_refused_before_a_question_is_asked(handbook: Path) -> None:
    settings = load()
    live = publish(settings, handbook, "one")
    for page in sorted(handbook.glob("*.md"))[:9]:
        page.unlink()
    decided = decide("assistant/handbook", "again")
    result = refresh(decided)
    assert conclude(decided, result) == "refused"
    assert "pages are gone" in result["refusal"]
    store = open_store(settings)
    assert store.alias("handbook") == live
    store.close()
    assert Runs(settings.home).all() == []


def test_what_was_measured_of_the_champion_is_not_measured_again(
    handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_REGISTRY__REGISTER_LIVE", "true")
    settings = load()
    publish(settings, handbook, "one")
    job = {"index": "handbook", "sources": [str(handbook)]}
    releases = []
    for before, after in (("one", "two"), ("two", "three")):
        for page in handbook.glob("*.md"):
            page.write_text(page.read_text().replace(f"edition {before}", f"edition {after}"))
        result = refresh(job)
        assert result["promoted"], result
        releases.append(result["release"])
    runs = [one.run.release for one in Runs(settings.home).all()]
    # The first champion had no release, and was measured as the settings make it; the second one's run was there.
    assert len(runs) == 3
    assert set(releases) <= set(runs)
    assert all(one.startswith("rel-") for one in releases)
