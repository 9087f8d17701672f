"""All monitors of one service or command."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from groundwork.core.errors import InvalidInput
from groundwork.core.monitoring.drift.monitor import Monitor
from groundwork.core.monitoring.drift.recorder import Recorder
from groundwork.core.monitoring.drift.report import DriftReport
from groundwork.core.monitoring.drift.standard import FEATURES
from groundwork.core.monitoring.drift.store import DriftStore
from groundwork.core.monitoring.drift.table import Values
from groundwork.core.registry.base import Line
from groundwork.core.settings import Settings
from groundwork.core.settings.monitoring import DriftSettings


class Monitors:
    """Made by the composition root: `open`, `start` beside a service, `close`."""

    def __init__(self, recorder: Recorder, settings: DriftSettings) -> None:
        self.recorder = recorder
        self._settings = settings
        self._monitors: dict[str, Monitor] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> Monitors:
        """In the ledger's database. Raises Unavailable or ConfigurationError."""
        return cls(Recorder(DriftStore(settings.ledger_url)), settings.monitoring.drift)

    def of(self, line: Line | str) -> Monitor:
        """The monitor of a line of releases, with the features of its kind. Raises InvalidInput."""
        line = Line.parse(line) if isinstance(line, str) else line
        name = str(line)
        with self._lock:
            monitor = self._monitors.get(name)
            if monitor is None:
                monitor = Monitor(name, FEATURES[line.kind], self.recorder, self._settings)
                self._monitors[name] = monitor
            return monitor

    def record(self, line: Line | str, values: Values) -> None:
        """Observe; where monitoring is off, nothing happens. See `Monitor.record`."""
        if self._settings.enabled:
            self.of(line).record(values)

    def known(self) -> Sequence[Monitor]:
        """Those that have observed something, here or elsewhere, by name. Raises Unavailable."""
        self.recorder.flush()
        for name in self.recorder.store.names():
            try:
                self.of(name)
            except InvalidInput:
                # Written by a version that knew other kinds.
                continue
        with self._lock:
            return [self._monitors[name] for name in sorted(self._monitors)]

    def look(self) -> list[DriftReport]:
        """Look with every monitor that has enough to look at. Raises Unavailable."""
        return [monitor.look() for monitor in self.known()]

    def start(self) -> None:
        """Begin to write beside the service."""
        self.recorder.start()

    def close(self) -> None:
        """Write what is pending; let go of the database."""
        self.recorder.close()
