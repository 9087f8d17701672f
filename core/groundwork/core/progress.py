"""Progress of long jobs, said by the job and shown by whoever runs it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where a job tells how far it is. Implementations decide how often to show it."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """A new stage begins; `total` is None where it is not known yet."""
        ...

    def advance(self, count: int = 1, note: str = "") -> None:
        """`count` more of the stage's units are done."""
        ...


class NoProgress:
    """Says nothing."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Ignored."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Ignored."""
