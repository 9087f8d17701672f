"""The vectors of what was embedded just now: one question passes several steps that each want its vector."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundwork.retrieval.embed.base import Embedder, PassageText, PassageVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RecentEmbedder:
    """Another embedder that remembers its latest `most` single texts. Safe to use from several threads."""

    def __init__(self, embedder: Embedder, most: int = 512) -> None:
        self._embedder = embedder
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self.identity = embedder.identity
        self.model = embedder.model
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimension). What comes back for one text must not be written to."""
        if len(texts) != 1:
            return self._embedder.embed(texts)
        (text,) = texts
        with self._lock:
            known = self._known.get(text)
            if known is not None:
                self._known.move_to_end(text)
                return known
        vector = self._embedder.embed(texts)
        vector.flags.writeable = False
        with self._lock:
            self._known[text] = vector
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return vector

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Not remembered."""
        return self._embedder.embed_passages(passages)

    def count_tokens(self, text: str) -> int:
        """Tokens as the model reads them."""
        return self._embedder.count_tokens(text)
