from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundwork.core.errors import ConfigurationError, InvalidInput
from groundwork.core.monitoring.drift.detect import compare
from groundwork.core.monitoring.drift.monitor import Monitor
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.drift.packing import pack, unpack
from groundwork.core.monitoring.drift.recorder import MOST_PENDING, Recorder
from groundwork.core.monitoring.drift.store import DriftStore
from groundwork.core.monitoring.drift.table import Feature, table_of
from groundwork.core.registry.base import Line
from groundwork.core.settings import MonitoringSettings, Settings
from groundwork.core.settings.monitoring import DriftSettings

FEATURES = (
    Feature("score", "number", "the score"),
    Feature("abstained", "number", "abstentions"),
    Feature("outcome", "category", "how it ended"),
    Feature("question", "embedding", "what is asked"),
)
SMALL = DriftSettings(reference=300, window=100, most=400, keep=200)


def drawn(rng: np.random.Generator, count: int, **shift: float) -> list[dict[str, Any]]:
    """Features that depend on one another, one with ties, one that is missing at times."""
    rows = []
    for _ in range(count):
        common = rng.normal()
        vector = np.zeros(16) + rng.normal(size=16) + 0.5 * common
        vector[0] += shift.get("question", 0.0)
        score = common + rng.normal() + shift.get("score", 0.0)
        rows.append(
            {
                "score": score if rng.random() > 0.1 + shift.get("missing", 0.0) else None,
                "abstained": float(rng.random() < 0.1 + shift.get("abstained", 0.0)),
                "outcome": "failed" if rng.random() < 0.02 + shift.get("failed", 0.0) else "answered",
                "question": vector.astype(np.float32),
            }
        )  # fmt: skip
    return rows


def alarms(shift: dict[str, float], window: int, runs: int) -> tuple[int, dict[str, int]]:
    rng = np.random.default_rng(7)
    by_feature: dict[str, int] = {}
    count = 0
    for seed in range(runs):
        old = table_of(drawn(rng, 3 * window), FEATURES)
        new = table_of(drawn(rng, window, **shift), FEATURES)
        found = compare(old, new, FEATURES, alpha=0.05, draws=99, seed=seed).drifted
        count += bool(found)
        for name in found:
            by_feature[name] = by_feature.get(name, 0) + 1
    return count, by_feature


def test_without_a_shift_one_look_in_twenty_raises_an_alarm() -> None:
    count, _ = alarms({}, 60, 120)
    # Binomial(120, 0.05): beyond 14 once in a thousand times, and the draws are the same each time.
    assert 1 <= count <= 14


@pytest.mark.parametrize(
    ("feature", "shift"),
    [
        ("score", {"score": 0.9}),
        ("score", {"missing": 0.3}),
        ("abstained", {"abstained": 0.2}),
        ("outcome", {"failed": 0.15}),
        ("question", {"question": 0.9}),
    ],
)
def test_each_kind_of_shift_is_found_and_named(feature: str, shift: dict[str, float]) -> None:
    count, by_feature = alarms(shift, 150, 10)
    assert count >= 9
    assert by_feature[feature] >= 9


def test_p_values_can_show_what_is_asked_of_them() -> None:
    rows = table_of(drawn(np.random.default_rng(1), 20), FEATURES)
    with pytest.raises(InvalidInput, match="once in 100"):
        compare(rows, rows, FEATURES, alpha=0.01, draws=50)
    with pytest.raises(InvalidInput, match="empty"):
        compare(rows, table_of([], FEATURES), FEATURES)


def test_equal_columns_are_no_drift() -> None:
    rows = [{"score": 1.0, "abstained": 0.0, "outcome": "answered", "question": np.ones(16)}] * 60
    table = table_of(rows, FEATURES)
    found = compare(table, table, FEATURES)
    assert not found.drifted
    assert set(found.p_values.values()) == {1.0}


def test_vectors_of_another_embedder_are_drift() -> None:
    rng = np.random.default_rng(2)
    old = table_of(drawn(rng, 200), FEATURES)
    rows = [{**row, "question": np.ones(8)} for row in drawn(rng, 60)]
    assert compare(old, table_of(rows, FEATURES), FEATURES).drifted[0] == "question"


def test_what_is_packed_comes_back() -> None:
    vector = np.random.default_rng(3).normal(size=384).astype(np.float32)
    values = {"b": 1.5, "a": "word", "v": vector, "w": np.zeros(3, dtype=np.float32)}
    body, blob = pack(values)
    back = unpack(body, blob)
    assert back["a"] == "word"
    assert back["b"] == 1.5
    assert np.abs(back["v"] - vector).max() <= np.abs(vector).max() / 250
    assert not back["w"].any()
    assert len(blob) == 387


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    held = Recorder(DriftStore(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))
    yield held
    held.close()


@pytest.fixture
def monitor(recorder: Recorder) -> Monitor:
    return Monitor("assistant/docs", FEATURES, recorder, SMALL)


def test_a_monitor_learns_then_waits_then_looks(monitor: Monitor, recorder: Recorder) -> None:
    rng = np.random.default_rng(5)

    def record(count: int, **shift: float) -> None:
        for row in drawn(rng, count, **shift):
            monitor.record(row)

    record(200)
    assert monitor.look().state == "learning"
    assert monitor.look().observed == 200
    record(150)
    report = monitor.look()
    assert (report.state, report.reference, report.observed) == ("waiting", 300, 50)
    record(60)
    report = monitor.look()
    assert (report.state, report.window, report.fresh) == ("steady", 110, True)
    assert "like the 300 before" in report.sentence
    # What was looked at is not looked at again.
    assert monitor.look().fresh is False
    record(120, abstained=0.4)
    report = monitor.look()
    assert (report.state, report.streak, report.window) == ("drifting", 1, 120)
    assert report.drifted[0].feature == "abstained"
    assert "abstentions from" in report.sentence
    assert monitor.last() == monitor.look()
    record(120, abstained=0.4)
    assert monitor.look().streak == 2
    monitor.begin("promoted rel-1")
    assert monitor.last().state == "learning"
    record(300, abstained=0.4)
    record(100, abstained=0.4)
    assert monitor.look().state == "steady"
    assert monitor.last().streak == 0
    assert recorder.dropped == 0


def test_a_reference_can_be_given(monitor: Monitor) -> None:
    rng = np.random.default_rng(6)
    monitor.record({"score": 5.0})
    monitor.learn_from(drawn(rng, 120), "what it was trained on")
    for row in drawn(rng, 100, score=2.0):
        monitor.record(row)
    report = monitor.look()
    assert (report.reference, report.window, report.state) == (120, 100, "drifting")


def test_what_was_looked_at_is_forgotten_but_the_reference_stays(
    monitor: Monitor, recorder: Recorder
) -> None:
    rng = np.random.default_rng(8)
    for _ in range(4):
        for row in drawn(rng, 300):
            monitor.record(row)
        monitor.look()
    assert len(recorder.store.newest(monitor.name, 10_000)) <= SMALL.keep + 300
    assert recorder.store.standing(monitor.name).reference == 300
    reference, newest = monitor.samples()
    assert reference.rows == 300
    assert newest.rows <= SMALL.most


def test_too_much_at_once_is_sampled(recorder: Recorder) -> None:
    for n in range(3 * MOST_PENDING):
        recorder.record("ocr/cards", {"score": float(n)})
    recorder.flush()
    kept = [values["score"] for _, values in recorder.store.newest("ocr/cards", 10_000)]
    assert len(kept) == MOST_PENDING
    assert recorder.dropped == 2 * MOST_PENDING
    # Drawn from all of it, and in the order in which it came.
    assert 0.4 < np.mean(kept) / (3 * MOST_PENDING) < 0.6


def test_two_services_share_looks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    pair = [Recorder(DriftStore(url)) for _ in range(2)]
    first, second = (Monitor("ocr/cards", FEATURES, each, SMALL) for each in pair)
    rng = np.random.default_rng(9)
    for n, row in enumerate(drawn(rng, 420)):
        (first, second)[n % 2].record(row)
    pair[1].flush()
    assert first.look().fresh
    assert second.look().fresh is False
    assert second.last().window == first.last().window == 120
    for each in pair:
        each.close()


def test_only_known_features_are_observed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    monitors = Monitors.open(settings)
    with pytest.raises(ConfigurationError, match="no feature"):
        monitors.record("ocr/cards", {"prompt": "secret"})
    monitors.record("ocr/cards", {"confidence": 0.5, "outcome": "answered"})
    monitors.signals(Line("recommender", "films")).add("data", "rel-1", {"rated": 4.0})
    with pytest.raises(InvalidInput, match="recommender/films:data"):
        monitors.of("recommender/films")
    assert [each.name for each in monitors.known()] == ["ocr/cards", "recommender/films:data"]
    assert {report.state for report in monitors.look()} == {"learning"}
    monitors.close()
    off = MonitoringSettings(drift=DriftSettings(enabled=False))
    silent = Monitors.open(Settings(home=tmp_path / "off", monitoring=off))
    silent.record("ocr/cards", {"confidence": 0.5})
    assert silent.known() == []
    silent.close()
