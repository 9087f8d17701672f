"""How a run is shown: in a terminal a table that is redrawn, elsewhere a line for each step that begins or ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from groundwork.pipelines.runs import StepState

_MARKS = {"running": "…", "succeeded": "✓", "failed": "✗"}


class RunView:
    """On standard error, so that the result alone is on standard output."""

    def __init__(self, steps: Sequence[str], stream: TextIO | None = None) -> None:
        self._steps = steps
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._drawn = 0
        self._told: dict[str, tuple[str, int]] = {}

    def show(self, steps: list[StepState], now: float) -> None:
        """Draw what changed."""
        if self._terminal:
            self._redraw(steps, now)
        else:
            self._tell(steps)

    def close(self) -> None:
        """The last state stays."""
        self._stream.flush()

    def _redraw(self, steps: list[StepState], now: float) -> None:
        begun = {one.step for one in steps}
        lines = [_line(one, now) for one in steps]
        lines += [f"  · {name}" for name in self._steps if name not in begun]
        # Up to the first line, then each line anew with what is left of the old one erased.
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._stream.write(up + "".join(f"\r{line[:110]}\x1b[K\n" for line in lines) + "\x1b[J")
        self._stream.flush()
        self._drawn = len(lines)

    def _tell(self, steps: list[StepState]) -> None:
        for one in steps:
            state = (one.state, one.attempts)
            if self._told.get(one.name) == state:
                continue
            self._told[one.name] = state
            if one.state == "running":
                again = f" (try {one.attempts})" if one.attempts > 1 else ""
                self._stream.write(f"{one.name} started{again}\n")
            else:
                self._stream.write(f"{one.name} {one.state} in {one.seconds:.1f} s: {one.text}\n")
        self._stream.flush()


def _line(one: StepState, now: float) -> str:
    seconds = now - one.began if one.state == "running" else one.seconds
    again = f"  try {one.attempts}" if one.attempts > 1 else ""
    return f"  {_MARKS[one.state]} {one.name:<14}{seconds:>8.1f} s{again}  {one.text}".rstrip()
