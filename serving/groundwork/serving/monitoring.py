"""Monitoring of a service: opened with it, beside it, closed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from groundwork.core.metering.accounts import Accounts
from groundwork.core.monitoring.checks import Checks
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.drop import Share, fell
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.monitoring.retraining import Desk, Trigger
from groundwork.core.monitoring.state import (
    DriftMetrics,
    EngineLoad,
    EngineMetrics,
    LedgerMetrics,
    LookMetrics,
    TraceMetrics,
)
from groundwork.core.monitoring.tracing.exporter import Tracer
from groundwork.core.monitoring.tracing.open import open_trace_store, open_tracer
from groundwork.core.monitoring.tracing.store import TraceStore
from groundwork.core.monitoring.watch import Champions, Watch
from groundwork.core.registry.base import ASSISTANT, Line
from groundwork.core.settings import Settings
from groundwork.serving.engine.base import Engine
from groundwork.serving.labels import LabelCounts
from groundwork.serving.store import AnswerStore
from groundwork.serving.witness import Watching


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Made by `open`. `checks` says when indexes were last held against their sources; `witness` is what the books of every assistant tell; `traces` is None where none are kept."""

    settings: Settings
    metrics: Metrics
    tracer: Tracer
    monitors: Monitors
    desk: Desk
    traces: TraceStore | None
    witness: Watching
    checks: Checks

    @classmethod
    def open(cls, settings: Settings, metrics: Metrics) -> Monitoring:
        """Raises Unavailable or ConfigurationError; what was opened before is closed again."""
        with ExitStack() as undo:
            tracer = open_tracer(settings)
            undo.callback(tracer.close)
            monitors = Monitors.open(settings)
            undo.callback(monitors.close)
            desk = Desk(settings.ledger_url, settings.monitoring.retraining)
            undo.callback(desk.close)
            checks = Checks(settings.ledger_url)
            undo.callback(checks.close)
            traces = open_trace_store(settings)
            undo.pop_all()
        witness = Watching(
            metrics, tracer, monitors, _scrubber(settings), settings.monitoring.drift.enabled
        )
        return cls(settings, metrics, tracer, monitors, desk, traces, witness, checks)

    def start(
        self,
        store: AnswerStore,
        accounts: Accounts,
        engines: Mapping[str, Engine],
        champions: Champions = dict,
    ) -> Watch:
        """Begin to send traces, to keep observations and to look. The caller closes the watch before this."""
        watch = Watch(
            self.monitors,
            self.desk,
            self.settings.monitoring,
            champions=champions,
            triggers=QualityTriggers(self.settings, store),
            new_labels=LabelCounts(self.settings),
        )
        self._register(watch, accounts, engines)
        self.tracer.start()
        if self.settings.monitoring.drift.enabled:
            self.monitors.start()
            watch.start()
        return watch

    def close(self) -> None:
        """Send and write what waits; let go of connections."""
        self.tracer.close()
        self.monitors.close()
        self.desk.close()
        self.checks.close()
        if self.traces is not None:
            self.traces.close()

    def _register(self, watch: Watch, accounts: Accounts, engines: Mapping[str, Engine]) -> None:
        def loads() -> Mapping[str, EngineLoad]:
            return {name: engine.load() for name, engine in engines.items()}

        registry = self.metrics.registry
        recorder = self.monitors.recorder
        registry.register(EngineMetrics(loads))
        registry.register(LedgerMetrics(lambda: accounts.recorder.behind_seconds))
        registry.register(TraceMetrics(self.tracer))
        registry.register(
            DriftMetrics(lambda: list(watch.reports.values()), lambda: recorder.dropped)
        )
        registry.register(LookMetrics(lambda: watch.looked_at))


class QualityTriggers:
    """Asks for a retraining of an assistant whose answers people like less than the days before."""

    def __init__(self, settings: Settings, store: AnswerStore) -> None:
        self._settings = settings.monitoring.retraining
        self._store = store

    def __call__(self) -> list[Trigger]:
        """By the index's line. Raises Unavailable."""
        found = []
        for name in self._settings.data:
            line = Line.parse(name)
            if line.kind != ASSISTANT:
                continue
            before, now = self._liked(line.name)
            if fell(before, now):
                days = f"{self._settings.quality_days:g} days"
                reason = f"thumbs up fell from {before.value:.0%} to {now.value:.0%} within {days}"
                found.append(Trigger(line, "quality", reason))
        return found

    def _liked(self, index: str) -> tuple[Share, Share]:
        now = datetime.now(UTC)
        span = timedelta(days=self._settings.quality_days)
        shares = []
        for end in (now - span, now):
            counts = self._store.ratings(index, _iso(end - span), _iso(end))
            shares.append(Share(counts.get("up", 0), sum(counts.values())))
        return shares[0], shares[1]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _scrubber(settings: Settings) -> Callable[[str], str] | None:
    if not settings.telemetry.traces.content:
        return None
    from groundwork.guardrails.scrub import scrub

    return scrub
