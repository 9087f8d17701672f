"""The protocol of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as this model reads it, special tokens included, not cut."""
        ...
