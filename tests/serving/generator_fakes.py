"""Generators whose output and faults a test sets, and what they are asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from groundwork.core.answers import Usage
from groundwork.core.metering.prices import GENERATE
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.generate.base import Finished, Piece, Reach, Task, Written


@dataclass
class FakeGenerator:
    """Writes `texts`; raises `error` after `fails_after` of them, None for never."""

    model: str
    texts: Sequence[str] = ("It moves ", "the alias.")
    error: Exception | None = None
    fails_after: int | None = None
    identity: str = ""
    tasks: list[Task] = field(default_factory=list)
    closed: int = 0
    warmed: int = 0

    def __post_init__(self) -> None:
        self.identity = self.identity or f"fake:{self.model}"

    def warm(self) -> None:
        self.warmed += 1

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        del wanted, frugal
        return (Reach(self.model, 100),)

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        self.tasks.append(task)
        try:
            for number in range(len(self.texts) + 1):
                usage = Usage(prompt_tokens=10, completion_tokens=number)
                task.tally.tokens(GENERATE, self.model, usage)
                if self.error is not None and number == self.fails_after:
                    raise self.error
                if number < len(self.texts):
                    yield Piece(self.texts[number])
            yield Finished(usage, self.model, {"of": self.model})
        finally:
            self.closed += 1


def retrieval(question: str, passages: Sequence[Passage] = ()) -> Retrieval:
    return Retrieval(question, "docs", "v1", tuple(passages), 0.9, 0.5, 8)
