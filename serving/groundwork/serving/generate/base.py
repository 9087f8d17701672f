"""The protocol of a generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from groundwork.core.answers import Turn, Usage
from groundwork.retrieval.passages import Passage, Retrieval


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
class Finished:
    """The last thing a generator yields."""

    usage: Usage


class Generator(Protocol):
    """Writes an answer from passages. `model` names it in answers and in the price book.

    `identity` names everything that decides its output, for the release.
    """

    model: str
    identity: str

    def warm(self) -> None:
        """Load what the first answer would otherwise wait for."""
        ...

    def generate(
        self, question: str, history: tuple[Turn, ...], retrieval: Retrieval
    ) -> AsyncGenerator[Piece | Finished, None]:
        """Pieces in order, then exactly one Finished."""
        ...
