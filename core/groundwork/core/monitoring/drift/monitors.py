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

    def of(self, name: Line | str) -> Monitor:
        """The monitor of a line of releases, or of a part of what it does: `recommender/films:prediction`.

        Raises InvalidInput where there is no such kind, or no such part of it.
        """
        text = str(name)
        line_name, _, part = text.partition(":")
        line = Line.parse(line_name)
        parts = FEATURES[line.kind]
        if part not in parts:
            named = ", ".join(f"{line}:{each}" if each else str(line) for each in parts)
            raise InvalidInput(f"nothing watches {text}; there is {named}", field="monitor")
        with self._lock:
            monitor = self._monitors.get(text)
            if monitor is None:
                monitor = Monitor(text, parts[part], self.recorder, self._settings)
                self._monitors[text] = monitor
            return monitor

    def parts(self, line: Line) -> list[Monitor]:
        """All monitors of a line."""
        return [self.of(f"{line}:{part}" if part else line) for part in FEATURES[line.kind]]

    def record(self, name: Line | str, values: Values) -> None:
        """Observe; where monitoring is off, nothing happens. See `Monitor.record`."""
        if self._settings.enabled:
            self.of(name).record(values)

    def signals(self, line: Line) -> LineSignals:
        """Where whoever serves a model of this line hands in what it sees."""
        return LineSignals(self, line)

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


class LineSignals:
    """Figures of the requests to one line, by part."""

    def __init__(self, monitors: Monitors, line: Line) -> None:
        self._monitors = monitors
        self._line = line

    def add(self, part: str, release: str, values: Values) -> None:
        """Of one request. Which release it was is the trace's business; a promotion begins the reference anew."""
        del release
        self._monitors.record(f"{self._line}:{part}" if part else self._line, values)
