"""What retrieval hands on: passages with the scores that put them in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from groundwork.core.documents import Chunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Passage:
    """A found chunk. `score` orders passages of one question; `dense` is the cosine, `sparse` the BM25 score."""

    chunk: Chunk
    score: float
    dense: float
    sparse: float
    # One number a unit of the chunk: how well it answers the question, comparable within one question.
    unit_scores: tuple[float, ...] = ()
    # The units' vectors as stored (int8, a row a unit); None where the embedder gives none.
    units: NDArray[np.int8] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """All that one question found in one version, best first.

    `confidence` is the calibrated probability, 0 to 1, that the passages answer the question; `signals` are
    the numbers it was made of (`confidence.features`).
    """

    question: str
    index: str
    index_version: str
    passages: tuple[Passage, ...]
    confidence: float
    threshold: float
    query_tokens: int
    signals: Mapping[str, float] = field(default_factory=dict)

    @property
    def answerable(self) -> bool:
        """Whether to answer at all."""
        return bool(self.passages) and self.confidence >= self.threshold

    def only(self, passages: Sequence[Passage]) -> Retrieval:
        """The same retrieval with no more than these passages."""
        return replace(self, passages=tuple(passages))
