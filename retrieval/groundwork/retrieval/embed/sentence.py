"""sentence-transformers: the float32 reference, and the way to a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.retrieval.embed.base import PassageText, PassageVectors
from groundwork.retrieval.embed.model import model_digest, model_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 32


class SentenceTransformersEmbedder:
    """Loads the model at once: this engine is chosen where its seconds do not matter."""

    def __init__(self, name: str, max_tokens: int = 512) -> None:
        from sentence_transformers import SentenceTransformer

        folder = model_folder(name)
        self._model: Any = SentenceTransformer(str(folder))
        window = int(self._model[0].auto_model.config.max_position_embeddings)
        self._model.max_seq_length = self.max_tokens = min(max_tokens, window)
        self.model = Path(name).name
        self.dimension = int(self._model.get_embedding_dimension())
        self.identity = f"{self.model}@{model_digest(folder)[:12]}:float32:{self.max_tokens}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Batched; on the GPU if there is one."""
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Chunk vectors only."""
        vectors = self.embed([passage.text for passage in passages])
        return [PassageVectors(vector) for vector in vectors]

    def count_tokens(self, text: str) -> int:
        """Word pieces without special tokens."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))
