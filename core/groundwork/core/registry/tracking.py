"""Runs: what a training or an evaluation did, with its parameters, curves and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class TrackedRun(Protocol):
    """One run under way."""

    id: str

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Figures at a step: together they make curves."""
        ...

    def tags(self, values: Mapping[str, str]) -> None:
        """What it can be found by."""
        ...

    def file(self, name: str, content: bytes) -> None:
        """A file of the run; `name` may have folders."""
        ...


class Tracker(Protocol):
    """Where runs are kept."""

    def run(
        self, experiment: str, name: str, params: Mapping[str, str]
    ) -> AbstractContextManager[TrackedRun]:
        """A run for the duration of the block: finished at its end, failed where an error leaves it. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@dataclass(slots=True)
class KeptRun:
    """A run in memory."""

    id: str
    experiment: str
    name: str
    params: Mapping[str, str]
    state: str = "running"
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    noted: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Kept in order."""
        for name, value in values.items():
            self.curves.setdefault(name, []).append((step, value))

    def tags(self, values: Mapping[str, str]) -> None:
        """Kept; the last value of a name counts."""
        self.noted.update(values)

    def file(self, name: str, content: bytes) -> None:
        """Kept."""
        self.files[name] = content


class MemoryTracker:
    """Runs of one process: for tests, and where nobody wants to keep them."""

    def __init__(self) -> None:
        self.runs: list[KeptRun] = []

    @contextmanager
    def run(self, experiment: str, name: str, params: Mapping[str, str]) -> Iterator[KeptRun]:
        """A run in memory."""
        kept = KeptRun(f"run-{len(self.runs)}", experiment, name, dict(params))
        self.runs.append(kept)
        try:
            yield kept
        except BaseException:
            kept.state = "failed"
            raise
        kept.state = "finished"

    def close(self) -> None:
        """Nothing to close."""
