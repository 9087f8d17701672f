"""An embedder without a model: hashed words and word pairs.

Plain, instant and deterministic; good enough to find a text by its own words. Tests use it, and `doctor` can
tell a broken model from a broken index with it.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundwork.retrieval.embed.base import UNIT_SCALE, PassageText, PassageVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Signed feature hashing (Weinberger et al., 2009) of words and adjacent pairs."""

    def __init__(self, dimension: int = 256) -> None:
        self.model = "hashing"
        self.identity = f"hashing:{dimension}"
        self.dimension = dimension
        self.max_tokens = 512

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text; a text without words is the first axis, so that every row has length one."""
        import numpy as np

        return (
            np.stack([self._row(text) for text in texts])
            if texts
            else np.empty((0, self.dimension), dtype=np.float32)
        )

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Each unit is hashed by itself."""
        import numpy as np

        results = []
        for passage in passages:
            units = self.embed([passage.text[start:end] for start, end in passage.spans])
            scaled = np.rint(units * UNIT_SCALE).astype(np.int8)
            results.append(PassageVectors(self._row(passage.text), scaled))
        return results

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(_WORD.findall(text))

    def _row(self, text: str) -> NDArray[np.float32]:
        import numpy as np

        row = np.zeros(self.dimension, dtype=np.float32)
        words = [word.lower() for word in _WORD.findall(text)][: self.max_tokens]
        for feature in (*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))):
            value = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest())
            row[value % self.dimension] += 1.0 if value >> 63 else -1.0
        norm = float(np.linalg.norm(row))
        if norm == 0.0:
            row[0] = norm = 1.0
        return row / np.float32(norm)
