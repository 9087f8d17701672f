"""What holds at the moment somebody asks for metrics: read then, not counted along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from groundwork.core.monitoring.drift.report import DriftReport
from groundwork.core.monitoring.tracing.exporter import Tracer

MAX_ENGINES = 20
MAX_MONITORS = 50
_BREAKERS = ("closed", "half-open", "open")


class EngineLoad(Protocol):
    """What is in flight to an engine, and the state of its breaker."""

    @property
    def running(self) -> int:
        """Requests that the engine works on."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""

    @property
    def breaker(self) -> str:
        """closed, half-open or open."""


class _Read(Collector):
    """Describes nothing, so that registering asks nothing."""

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        raise NotImplementedError


class EngineMetrics(_Read):
    """Queues and breakers of the engines of language models."""

    def __init__(self, loads: Callable[[], Mapping[str, EngineLoad]]) -> None:
        self._loads = loads

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        running = GaugeMetricFamily(
            "groundwork_engine_running", "Requests an engine works on.", labels=("engine",)
        )
        waiting = GaugeMetricFamily(
            "groundwork_engine_waiting", "Requests that wait for a place.", labels=("engine",)
        )
        breaker = GaugeMetricFamily(
            "groundwork_engine_breaker",
            "1 for the state that the engine's breaker is in.",
            labels=("engine", "state"),
        )
        for name, load in sorted(self._loads().items())[:MAX_ENGINES]:
            running.add_metric((name,), load.running)
            waiting.add_metric((name,), load.waiting)
            for state in _BREAKERS:
                breaker.add_metric((name, state), float(load.breaker == state))
        yield from (running, waiting, breaker)


class LedgerMetrics(_Read):
    """How far the ledger is behind."""

    def __init__(self, behind_seconds: Callable[[], float]) -> None:
        self._behind_seconds = behind_seconds

    def collect(self) -> Iterator[Metric]:
        """The figure of now."""
        yield GaugeMetricFamily(
            "groundwork_ledger_behind_seconds",
            "How long the oldest charge has waited for the database.",
            value=self._behind_seconds(),
        )


class TraceMetrics(_Read):
    """What became of traces."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def collect(self) -> Iterator[Metric]:
        """By place."""
        sent = CounterMetricFamily(
            "groundwork_traces_sent", "Traces that a place took.", labels=("place",)
        )
        dropped = CounterMetricFamily(
            "groundwork_traces_dropped", "Traces that a place did not take.", labels=("place",)
        )
        for lane in self._tracer.lanes:
            sent.add_metric((lane.place.name,), lane.sent)
            dropped.add_metric((lane.place.name,), lane.dropped)
        yield from (sent, dropped)


class DriftMetrics(_Read):
    """What the last looks found."""

    def __init__(
        self, reports: Callable[[], Iterable[DriftReport]], dropped: Callable[[], int]
    ) -> None:
        self._reports = reports
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        """By monitor; p-values of a look that found something by feature."""
        drifting = GaugeMetricFamily(
            "groundwork_drift", "1 where the last look found drift.", labels=("monitor",)
        )
        streak = GaugeMetricFamily(
            "groundwork_drift_streak", "Looks in a row that found drift.", labels=("monitor",)
        )
        p_value = GaugeMetricFamily(
            "groundwork_drift_p_value",
            "How likely so much difference is by chance, corrected for all features.",
            labels=("monitor", "feature"),
        )
        size = GaugeMetricFamily(
            "groundwork_drift_size",
            "How large the difference is: standard deviations, share, or distance.",
            labels=("monitor", "feature"),
        )
        window = GaugeMetricFamily(
            "groundwork_drift_window", "Observations in the last look.", labels=("monitor",)
        )
        for report in list(self._reports())[:MAX_MONITORS]:
            name = (report.monitor,)
            drifting.add_metric(name, float(report.state == "drifting"))
            streak.add_metric(name, report.streak)
            window.add_metric(name, report.window)
            for shift in report.shifts:
                p_value.add_metric((report.monitor, shift.feature), shift.p_value)
                size.add_metric((report.monitor, shift.feature), shift.size)
        yield from (drifting, streak, p_value, size, window)
        yield CounterMetricFamily(
            "groundwork_drift_observations_dropped",
            "Observations that were not kept.",
            value=self._dropped(),
        )


class LookMetrics(_Read):
    """Whether the watching itself goes on."""

    def __init__(self, looked_at: Callable[[], float | None]) -> None:
        """`looked_at` is `time.monotonic` of the last round of looks that came to its end."""
        self._looked_at = looked_at

    def collect(self) -> Iterator[Metric]:
        """Nothing before the first round."""
        at = self._looked_at()
        if at is not None:
            yield GaugeMetricFamily(
                "groundwork_monitoring_age_seconds",
                "Since monitors were last looked at.",
                value=time.monotonic() - at,
            )
