"""Drift: a planted shift in ratings raises the alarm and asks for one retraining; without a shift there is neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.ratings import Ratings
from groundwork.classic.recommender.recommend import Wish, recommend
from groundwork.classic.recommender.release import RANKER, load_ranker
from groundwork.classic.recommender.serve import data_signals, prediction_signals
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.retraining import Desk
from groundwork.core.monitoring.watch import Watch
from groundwork.core.settings import Settings
from groundwork.core.settings.monitoring import (
    DriftSettings,
    MonitoringSettings,
    RetrainingSettings,
)
from tests.classic.recommender.world import LINE, SHAPE, made

MONITORING = MonitoringSettings(
    drift=DriftSettings(reference=200, window=100),
    retraining=RetrainingSettings(data={str(LINE): ["ratings"]}, drift_looks=2),
)
# The same films, and people who come later: their tastes are mirrored, their stars are lower.
PLANTED = Shape(users=SHAPE.users, films=SHAPE.films, per_user=SHAPE.per_user, seed=7, shift_at=0.0)


class Traffic:
    """Requests from people of a set, and what watches them."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home, monitoring=MONITORING)
        self.monitors = Monitors.open(settings)
        self.desk = Desk(settings.ledger_url, MONITORING.retraining)
        self.watch = Watch(self.monitors, self.desk, MONITORING)
        self.signals = self.monitors.signals(LINE)
        self.ranker = load_ranker(Path(str(made().candidate.files[RANKER])).parent)
        self.rng = np.random.default_rng(11)

    def ask(self, ratings: Ratings, requests: int) -> None:
        for user in self.rng.choice(np.unique(ratings.user), requests).tolist():
            own = ratings.take(ratings.user == user)
            # People have rated some of what they will.
            some = own.take(np.arange(int(self.rng.integers(5, len(own) + 1))))
            history = list(zip(some.film.tolist(), some.rating.tolist(), strict=True))
            found = recommend(self.ranker, None, history, Wish())
            self.signals.add("data", "rel-1", data_signals(len(some), some.rating))
            self.signals.add("prediction", "rel-1", prediction_signals(found))

    def looks(self, ratings: Ratings, times: int) -> set[str]:
        """Monitors that drifted in any of these looks."""
        drifted = set()
        for _ in range(times):
            self.ask(ratings, 100)
            drifted |= {one.monitor for one in self.watch.round() if one.state == "drifting"}
        return drifted

    def close(self) -> None:
        self.watch.close()
        self.desk.close()
        self.monitors.close()


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    made_up = Traffic(tmp_path)
    made_up.ask(made().ratings, 200)
    made_up.watch.round()
    yield made_up
    made_up.close()


def test_a_planted_shift_starts_one_retraining(traffic: Traffic) -> None:
    shifted, _ = generate(PLANTED)
    drifted = traffic.looks(shifted, 4)
    assert drifted == {f"{LINE}:data", f"{LINE}:prediction"}
    runs = traffic.desk.runs(LINE)
    assert [(run.cause, run.state) for run in runs] == [("drift", "queued")]
    # However many alarms there were.
    assert runs[0].asked > 2


def test_without_a_shift_nothing_is_asked_for(traffic: Traffic) -> None:
    traffic.looks(made().ratings, 4)
    assert traffic.desk.runs(LINE) == []
