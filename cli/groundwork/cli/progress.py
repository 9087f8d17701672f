"""Progress on standard error: a live line in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_SECONDS = 0.1
_PLAIN_SECONDS = 5.0


class ConsoleProgress:
    """Counts, rate and time left of the current stage."""

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._every = _TERMINAL_SECONDS if self._terminal else _PLAIN_SECONDS
        self._clock = clock
        self._name = self._unit = self._note = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._shown = clock()

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Finish the stage before and begin this one."""
        self.close()
        self._name, self._total, self._unit = name, total, unit
        self._done, self._note = 0, ""
        self._began = self._shown = self._clock()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Show the state, if enough time has passed."""
        self._done += count
        self._note = note
        now = self._clock()
        if now - self._shown >= self._every:
            self._shown = now
            self._show(now)

    def close(self) -> None:
        """Leave the stage's last state standing on a line of its own."""
        if self._name and self._done:
            self._note = ""
            self._show(self._clock())
            if self._terminal:
                self._stream.write("\n")
        self._name = ""
        self._stream.flush()

    def _show(self, now: float) -> None:
        line = self._line(now - self._began)
        if self._terminal:
            # Carriage return, then "erase to the end of the line".
            self._stream.write(f"\r{line[:100]}\x1b[K")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def _line(self, elapsed: float) -> str:
        rate = self._done / elapsed if elapsed > 0 else 0.0
        count = f"{self._done:,}" + (f"/{self._total:,}" if self._total else "")
        parts = [f"{self._name}: {count} {self._unit}".rstrip()]
        if elapsed >= 1:
            parts.append(f"{rate:,.0f}/s")
        if self._total and rate and self._done < self._total:
            parts.append(f"{_clock(round((self._total - self._done) / rate))} left")
        if self._note:
            parts.append(self._note)
        return ", ".join(parts)


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
