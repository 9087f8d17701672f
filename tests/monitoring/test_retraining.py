from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.errors import EngineDown, GateRefused, InvalidInput
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.drop import Share, certainty, fell
from groundwork.core.monitoring.retraining import (
    Cause,
    Desk,
    Ended,
    NewLabels,
    Run,
    Trigger,
    run_waiting,
)
from groundwork.core.monitoring.watch import Watch
from groundwork.core.registry.base import Line
from groundwork.core.settings import MonitoringSettings, Settings
from groundwork.core.settings.monitoring import DriftSettings, RetrainingSettings

FILMS = Line("recommender", "films")
DOCS = Line("assistant", "docs")
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_hours(self, hours: float) -> None:
        self.now += hours * HOUR


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    held = make_desk(tmp_path, clock)
    yield held
    held.close()


def make_desk(folder: Path, clock: Clock, **settings: Any) -> Desk:
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    return Desk(url, RetrainingSettings(**settings), clock)


def alarm(line: Line = FILMS, cause: Cause = "drift", labels: int = 0) -> Trigger:
    return Trigger(line, cause, "ratings moved", labels)


def promoted(run: Run) -> Ended:
    return Ended("promoted", f"rel-{run.id}")


def test_a_hundred_equal_alarms_start_one_retraining(desk: Desk) -> None:
    decisions: list[str] = []

    def shout() -> None:
        decisions.extend(desk.ask(alarm()).verdict for _ in range(25))

    threads = [threading.Thread(target=shout) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(decisions)) == ["joined", "queued"]
    assert decisions.count("queued") == 1
    (run,) = desk.runs()
    assert run.asked == 100
    assert len(run_waiting(desk, promoted)) == 1
    assert desk.runs()[0].outcome == "promoted"


def test_other_lines_have_retrainings_of_their_own(desk: Desk) -> None:
    assert desk.ask(alarm(FILMS)).verdict == "queued"
    assert desk.ask(alarm(DOCS)).verdict == "queued"
    assert [run.line for run, _ in run_waiting(desk, promoted)] == [FILMS, DOCS]


def test_alarms_while_it_runs_join_it(desk: Desk) -> None:
    desk.ask(alarm())
    run = desk.take()
    assert run is not None
    assert desk.take() is None
    assert desk.ask(alarm()).verdict == "joined"
    desk.end(run, Ended("refused", "worse"))
    assert desk.runs()[0].asked == 2


def test_nothing_is_done_again_before_it_has_cooled_down_unless_a_person_asks(
    desk: Desk, clock: Clock
) -> None:
    desk.ask(alarm())
    clock.pass_hours(1)
    run_waiting(desk, promoted)
    clock.pass_hours(23)
    refused = desk.ask(alarm())
    assert refused.verdict == "cooling"
    assert "1.0 hours" in refused.detail
    assert desk.ask(alarm(cause="person")).verdict == "queued"
    run_waiting(desk, promoted)
    clock.pass_hours(24)
    assert desk.ask(alarm()).verdict == "queued"


def test_a_month_has_a_budget_of_runs_and_hours(tmp_path: Path, clock: Clock) -> None:
    desk = make_desk(tmp_path, clock, per_month=2, cool_down_hours=0)
    for _ in range(2):
        assert desk.ask(alarm()).verdict == "queued"
        run_waiting(desk, promoted)
        clock.pass_hours(1)
    assert desk.ask(alarm()).verdict == "over-budget"
    assert desk.ask(alarm(DOCS)).verdict == "queued"
    clock.pass_hours(31 * 24)
    assert desk.ask(alarm()).verdict == "queued"
    desk.close()
    hours = make_desk(tmp_path / "hours", clock, hours_per_month=3, cool_down_hours=0)
    hours.ask(alarm())

    def slow(run: Run) -> Ended:
        clock.pass_hours(4)
        return promoted(run)

    run_waiting(hours, slow)
    assert hours.ask(alarm(DOCS)).verdict == "over-budget"
    assert hours.ask(alarm(DOCS, cause="person")).verdict == "queued"
    hours.close()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InvalidInput("3,000 ratings are not between 0.5 and 5"), "bad-data"),
        (GateRefused("ndcg is 4 points below the champion"), "refused"),
        (EngineDown("no engine"), "failed"),
    ],
)
def test_how_it_ends_is_kept(desk: Desk, error: Exception, outcome: str) -> None:
    def work(_: Run) -> Ended:
        raise error

    desk.ask(alarm())
    ((run, ended),) = run_waiting(desk, work)
    assert ended.outcome == outcome
    kept = desk.runs()[0]
    assert (kept.id, kept.outcome, kept.state) == (run.id, outcome, "done")
    assert kept.detail == str(error)
    assert desk.ask(alarm()).verdict == "cooling"


def test_what_never_ends_is_given_up(desk: Desk, clock: Clock) -> None:
    desk.ask(alarm())
    run = desk.take()
    assert run is not None
    clock.pass_hours(13)
    assert desk.take() is None
    assert desk.runs()[0].outcome == "lost"
    # The one that was given up cannot say otherwise any more.
    desk.end(run, Ended("promoted", "late"))
    assert desk.runs()[0].outcome == "lost"


def having(new: int) -> NewLabels:
    """So many labels of films since the last time."""
    return lambda line, _: new if line == FILMS else 0


def test_schedules_and_labels_ask(tmp_path: Path, clock: Clock) -> None:
    desk = make_desk(
        tmp_path, clock, every_days={"assistant/docs": 7}, labels={"recommender/films": 500}
    )
    assert [t.cause for t in desk.due()] == ["schedule"]
    desk.ask(desk.due()[0])
    run_waiting(desk, promoted)
    assert desk.due(having(499)) == []
    (trigger,) = desk.due(having(730))
    assert (trigger.cause, trigger.reason) == ("labels", "730 new labels")
    desk.ask(trigger)
    run_waiting(desk, promoted)
    assert desk.due(having(499)) == []
    assert desk.due(having(500))[0].labels == 1230
    clock.pass_hours(7 * 24)
    assert [t.line for t in desk.due()] == [DOCS]
    desk.close()


def test_a_fall_of_quality_is_certain_before_it_counts() -> None:
    # The one-sided p-value of Fisher's exact test, to be found in any table.
    assert certainty(Share(9, 10), Share(3, 10)) == pytest.approx(0.00988, abs=1e-4)
    assert fell(Share(90, 100), Share(70, 100))
    # As large, and nothing to go by.
    assert not fell(Share(9, 10), Share(7, 10))
    # Certain, and too small to matter.
    assert certainty(Share(99_000, 100_000), Share(97_000, 100_000)) < 1e-6
    assert not fell(Share(99_000, 100_000), Share(97_000, 100_000))
    assert not fell(Share(70, 100), Share(90, 100))
    assert not fell(Share(0, 0), Share(0, 10))


@pytest.fixture
def watched(tmp_path: Path, clock: Clock) -> Iterator[tuple[Monitors, Desk, dict[str, Any]]]:
    drift = DriftSettings(reference=100, window=60)
    retraining = RetrainingSettings(data={"ocr/cards": ["cards"], "assistant/docs": ["docs"]})
    settings = Settings(
        home=tmp_path, monitoring=MonitoringSettings(drift=drift, retraining=retraining)
    )
    monitors = Monitors.open(settings)
    desk = Desk(settings.ledger_url, retraining, clock)
    champions: dict[Line, str] = {}
    extra: list[Trigger] = []
    watch = Watch(
        monitors, desk, settings.monitoring, champions=lambda: champions, triggers=lambda: extra
    )
    yield monitors, desk, {"watch": watch, "champions": champions, "extra": extra}
    monitors.close()
    desk.close()


def test_drift_that_stays_asks_for_a_retraining(
    watched: tuple[Monitors, Desk, dict[str, Any]],
) -> None:
    monitors, desk, more = watched
    watch: Watch = more["watch"]
    line = Line("ocr", "cards")

    def read(count: int, confidence: float) -> None:
        for n in range(count):
            monitors.record(line, {"confidence": confidence + 0.001 * (n % 50)})

    read(160, 0.8)
    (report,) = watch.round()
    assert report.state == "steady"
    read(60, 0.5)
    assert watch.round()[0].state == "drifting"
    assert desk.runs() == []
    read(60, 0.5)
    watch.round()
    watch.round()
    (run,) = desk.runs()
    assert (run.line, run.cause, run.asked) == (line, "drift", 1)
    assert "confidence of what was read from 0.8" in run.reason
    assert watch.reports["ocr/cards"].streak == 2
    assert watch.looked_at is not None


def test_a_promotion_begins_the_reference_anew_but_for_assistants(
    watched: tuple[Monitors, Desk, dict[str, Any]],
) -> None:
    monitors, _, more = watched
    cards, docs = Line("ocr", "cards"), DOCS
    more["champions"].update({cards: "rel-1", docs: "rel-2"})
    for line in (cards, docs):
        for _ in range(120):
            monitors.record(line, {"confidence": 0.8})
    more["watch"].round()
    assert {m.last().state for m in monitors.known()} == {"waiting"}
    more["champions"].update({cards: "rel-3", docs: "rel-4"})
    more["watch"].round()
    states = {monitor.name: monitor.last().state for monitor in monitors.known()}
    assert states == {"ocr/cards": "learning", "assistant/docs": "waiting"}


def test_only_lines_with_data_are_retrained_without_being_asked(
    watched: tuple[Monitors, Desk, dict[str, Any]],
) -> None:
    _, desk, more = watched
    more["extra"] += [
        Trigger(DOCS, "quality", "thumbs down doubled"),
        Trigger(FILMS, "quality", "clicks halved"),
    ]
    more["watch"].round()
    assert [(run.line, run.cause) for run in desk.runs()] == [(DOCS, "quality")]
