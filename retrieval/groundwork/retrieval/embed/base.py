"""The protocol of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Span = tuple[int, int]

# Unit vectors are stored as signed bytes: 1.0 is 127.
UNIT_SCALE = 127.0


@dataclass(frozen=True, slots=True)
class PassageText:
    """A chunk's text to embed, and the spans of its units within it (code points, half-open)."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """What one pass over a chunk gives.

    `dense`: float32, (dimension,), L2-normalised. `units`: int8, (spans, dimension), each row the normalised mean
    of the unit's token vectors in the context of the whole chunk, times `UNIT_SCALE`; None where the engine
    shows no token vectors.
    """

    dense: NDArray[np.float32]
    units: NDArray[np.int8] | None = None


class Embedder(Protocol):
    """Turns text into L2-normalised float32 vectors, the same ones every time.

    `identity` names the model, its files and how it is run: vectors of equal identity may be mixed and cached.
    `max_tokens` is the window; longer text is cut there, so chunks are kept below it.
    """

    identity: str
    model: str
    dimension: int
    max_tokens: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimension)."""
        ...

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Chunk vectors and, where the engine can, unit vectors from the same pass."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as this model reads it, without special tokens, not cut."""
        ...
