"""The protocol of a generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from groundwork.core.answers import Turn, Usage
from groundwork.core.metering.tally import Tally
from groundwork.retrieval.passages import Passage, Retrieval


@dataclass(frozen=True, slots=True)
class Task:
    """What to write: a standalone question, what was found for it, and what was said before.

    `wanted` names a generator that the caller asked for. `frugal` says that the caller's budget is nearly
    spent: take the small model and a short context. `canary` is to stand in the instructions and nowhere else.
    What is used is said to `tally` while it is used.
    """

    question: str
    retrieval: Retrieval
    history: tuple[Turn, ...] = ()
    wanted: str | None = None
    frugal: bool = False
    canary: str = ""
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stretch of a passage, as offsets into the page's text."""

    passage: Passage
    start: int
    end: int

    @property
    def quote(self) -> str:
        """Verbatim."""
        chunk = self.passage.chunk
        return chunk.text[self.start - chunk.start : self.end - chunk.start]


@dataclass(frozen=True, slots=True)
class Piece:
    """The next stretch of an answer's text. `evidence` is what the whole piece rests on."""

    text: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation of text that was sent before: of its last `covers` code points."""

    evidence: Evidence
    covers: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The last thing a generator yields.

    `model` wrote the answer. `record` is for whoever looks into an answer later: what was dropped from
    the context, which sentences had no support, which generator was chosen and why, what was tried before.
    """

    usage: Usage
    model: str
    record: Mapping[str, Any] = field(default_factory=dict)


Written = Piece | Mark | Finished


@dataclass(frozen=True, slots=True)
class Reach:
    """A model that may write the answer, and the tokens that it writes at most."""

    model: str
    answer_tokens: int


class Generator(Protocol):
    """Writes an answer from passages. `model` names it in answers and in the price book.

    `identity` names everything that decides its output, for the release.
    """

    @property
    def model(self) -> str:
        """The model's name; an engine's may be known only once it was reached."""
        ...

    @property
    def identity(self) -> str:
        """For the release."""
        ...

    def warm(self) -> None:
        """Load what the first answer would otherwise wait for."""
        ...

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        """The models that may write where the caller asks for this generator, or for a frugal answer; at least one."""
        ...

    def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        """Pieces and marks in order, then exactly one Finished."""
        ...
