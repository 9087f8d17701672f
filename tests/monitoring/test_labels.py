"""Labels are counted where they arrive, and so many of them start one retraining."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from groundwork.classic.recommender.kept import Kept, Recommendations
from groundwork.classic.recommender.read import FEEDBACK
from groundwork.core.datasets import DataVersion
from groundwork.core.datasets_store import DataStore
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.retraining import Desk, Ended, Run, run_waiting
from groundwork.core.monitoring.watch import Watch
from groundwork.core.registry.base import Line
from groundwork.core.settings import Settings, load
from groundwork.core.settings.monitoring import RetrainingSettings
from groundwork.pipelines.steps import retrain
from groundwork.pipelines.steps.reactions import with_reactions
from groundwork.serving.labels import LabelCounts
from tests.monitoring.watched_world import build_watched

FILMS, CARDS, ORDERS = Line("recommender", "films"), Line("ocr", "cards"), Line("injection", "x")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("films", "cards"):
        (tmp_path / name).mkdir()
    data = {
        str(FILMS): [str(tmp_path / "films")],
        str(CARDS): [str(tmp_path / "cards")],
        str(ORDERS): ["data:orders"],
    }
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDWORK_MONITORING__RETRAINING__DATA", json.dumps(data))
    labels = {str(line): 3 for line in (FILMS, CARDS, ORDERS)}
    monkeypatch.setenv("GROUNDWORK_MONITORING__RETRAINING__LABELS", json.dumps(labels))
    monkeypatch.setenv("GROUNDWORK_MONITORING__RETRAINING__COOL_DOWN_HOURS", "0")
    return load()


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    with closing(Desk(settings.ledger_url, settings.monitoring.retraining)) as held:
        yield held


def react(settings: Settings, name: str, films: int, user: int | None = 7) -> None:
    with closing(Recommendations(settings.ledger_url)) as kept:
        kept.save(Kept(name, user, "rel-1", tuple(range(films))))
        for film in range(films):
            kept.react(name, film, 4.5 if film else None)


def retrained(desk: Desk) -> list[tuple[str, str, str]]:
    done = run_waiting(desk, lambda _: Ended("promoted", "rel-2"))
    return [(str(run.line), run.cause, run.reason) for run, _ in done]


def due(desk: Desk, settings: Settings) -> list[str]:
    found = desk.due(LabelCounts(settings))
    for trigger in found:
        desk.ask(trigger)
    return [str(trigger.line) for trigger in found]


def test_clicks_and_ratings_of_recommendations_are_counted_since_the_last_time(
    settings: Settings, desk: Desk
) -> None:
    react(settings, "rec-1", 2)
    # Nobody learns from a person who is not known.
    react(settings, "rec-2", 5, user=None)
    assert due(desk, settings) == []
    react(settings, "rec-3", 1)
    assert due(desk, settings) == [str(FILMS)]
    assert retrained(desk) == [(str(FILMS), "labels", "3 new labels")]
    (run,) = desk.runs(FILMS)
    later = Run(**{**{n: getattr(run, n) for n in run.__slots__}, "at": run.at + 2000})
    assert LabelCounts(settings)(FILMS, later) == 0
    assert LabelCounts(settings)(FILMS, None) == 3


def test_labels_in_files_are_counted_by_how_the_files_grow(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "cards" / "labels.tsv"
    table.write_text("a.png\tA\nb.png\tB\n")
    assert due(desk, settings) == []
    table.write_text(table.read_text() + "c.png\tC\n")
    assert due(desk, settings) == [str(CARDS)]
    assert retrained(desk) == [(str(CARDS), "labels", "3 new labels")]
    assert due(desk, settings) == []
    store = DataStore(settings.data_url)
    store.record(DataVersion("orders", "0" * 64, (), 4, "2026-01-01T00:00:00Z"))
    assert due(desk, settings) == [str(ORDERS)]
    assert retrained(desk) == [(str(ORDERS), "labels", "4 new labels")]
    store.record(DataVersion("orders", "1" * 64, (), 6, "2026-01-02T00:00:00Z"))
    assert due(desk, settings) == []


def test_the_watch_and_the_pipeline_ask_for_what_labels_ask_for(
    settings: Settings, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    react(settings, "rec-1", 3)
    with closing(Monitors.open(settings)) as monitors:
        watch = Watch(monitors, desk, settings.monitoring, new_labels=LabelCounts(settings))
        watch.round()
        watch.round()
    (run,) = desk.runs()
    assert (run.line, run.cause, run.asked, run.labels) == (FILMS, "labels", 2, 3)
    monkeypatch.setenv("GROUNDWORK_PIPELINES__RUN", str(tmp_path))
    decided = retrain.decide("", "")
    assert (decided["what"], decided["run"]) == (retrain.TRAIN, run.id)
    # What asked for it is in the data that it reads.
    assert (tmp_path / "films" / FEEDBACK).read_text().count("\n") == 4
    assert not with_reactions(settings, CARDS, str(tmp_path / "cards"))
    assert not with_reactions(settings, FILMS, str(tmp_path / "elsewhere"))


async def test_judgements_of_answers_are_labels_of_their_assistant(tmp_path: Path) -> None:
    retraining = RetrainingSettings(
        data={"assistant/docs": ["docs"]}, labels={"assistant/docs": 2, "assistant/other": 1}
    )
    watched = build_watched(tmp_path, retraining=retraining)
    async with watched.world.client() as client:
        answer = (await client.post("/v1/ask", json={"question": "How do I set it?"})).json()
        assert answer["index"] == "docs"
        for rating in ("down", "up"):
            assert watched.monitoring.desk.runs() == []
            body = {"answer_id": answer["id"], "rating": rating}
            assert (await client.post("/v1/feedback", json=body)).status_code == 201
            assert watched.world.services.accounts.recorder.flush(10)
            watched.watch.round()
    (run,) = watched.monitoring.desk.runs()
    assert (str(run.line), run.cause, run.reason) == ("assistant/docs", "labels", "2 new labels")
    watched.close()
