"""The thread beside a service that looks at the monitors, and tells the retraining desk what it finds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.drift.report import DriftReport
from groundwork.core.monitoring.retraining import Desk, NewLabels, Trigger, no_labels
from groundwork.core.registry.base import ASSISTANT, Line
from groundwork.core.settings.monitoring import MonitoringSettings

_log = logging.getLogger("groundwork.monitoring")

# Release ids of champions by line.
Champions = Callable[[], Mapping[Line, str]]
Triggers = Callable[[], Sequence[Trigger]]


class Watch:
    """`start` begins the thread; without it, `round` does one round of looks."""

    def __init__(
        self,
        monitors: Monitors,
        desk: Desk,
        settings: MonitoringSettings,
        *,
        champions: Champions = dict,
        triggers: Triggers = tuple,
        new_labels: NewLabels = no_labels,
    ) -> None:
        """`triggers` says what else asks for a retraining, such as a fall of quality; `new_labels` counts for the desk. All
        may raise Unavailable.
        """
        self._monitors = monitors
        self._desk = desk
        self._settings = settings
        self._champions = champions
        self._triggers = triggers
        self._new_labels = new_labels
        self._known: dict[Line, str] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.reports: dict[str, DriftReport] = {}
        # `time.monotonic` of the last round that came to its end.
        self.looked_at: float | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)
        self._thread.start()

    def round(self) -> list[DriftReport]:
        """Look at everything once, and ask for what follows from it. Raises Unavailable."""
        self._notice_promotions()
        reports = self._monitors.look()
        self.reports = {report.monitor: report for report in reports}
        for report in reports:
            if report.fresh and report.state == "drifting":
                _log.warning("%s drifts: %s", report.monitor, report.sentence)
        due = self._desk.due(self._new_labels)
        for trigger in [*self._of_drift(reports), *due, *self._triggers()]:
            if str(trigger.line) in self._settings.retraining.data:
                decision = self._desk.ask(trigger)
                _log.info("%s (%s): %s", trigger.line, trigger.cause, decision.detail)
        self.looked_at = time.monotonic()
        return reports

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _of_drift(self, reports: Sequence[DriftReport]) -> list[Trigger]:
        wanted = self._settings.retraining.drift_looks
        return [
            Trigger(line_of(report.monitor), "drift", report.sentence)
            for report in reports
            if report.fresh and report.streak >= wanted
        ]

    def _notice_promotions(self) -> None:
        """What another model says is no drift. An assistant's releases change with every ingest; its questions do not."""
        for line, release in self._champions().items():
            before = self._known.get(line)
            self._known[line] = release
            if before is None or before == release or line.kind == ASSISTANT:
                continue
            for monitor in self._monitors.parts(line):
                monitor.begin(f"{release} was promoted")

    def _run(self) -> None:
        while not self._stop.wait(self._settings.drift.look_seconds):
            try:
                self.round()
            except Unavailable as error:
                _log.warning("monitors were not looked at: %s", error.detail)


def line_of(monitor: str) -> Line:
    """The line of releases that a monitor belongs to."""
    return Line.parse(monitor.partition(":")[0])
