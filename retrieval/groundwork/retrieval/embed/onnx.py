"""The embedded embedder: an exported int8 model on onnxruntime, one text a call, one thread.

Dynamic int8 scales depend on everything in a call, so texts are never batched: the same text gives the same
bits wherever and whenever it is embedded. More cores are used by more processes (`pool.EmbeddingPool`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.retrieval.embed.base import UNIT_SCALE, PassageText, PassageVectors, Span
from groundwork.retrieval.embed.export import META, MODEL, TOKENIZER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OnnxEmbedder:
    """Runs the export in `folder`. The files are opened at the first use, by one thread."""

    def __init__(self, folder: Path) -> None:
        meta = orjson.loads((folder / META).read_bytes())
        self._folder = folder
        self._lock = threading.Lock()
        self._tokenizer: Any = None
        self._session: Any = None
        self.model = Path(meta["name"]).name
        self.dimension = int(meta["dimension"])
        self.max_tokens = int(meta["max_tokens"])
        self.identity = f"{self.model}@{meta['digest'][:12]}:{meta['recipe']}:{meta['pooling']}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One pass a text."""
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._run(text, ["sentence_embedding"])[1][0][0]
        return vectors

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """One pass a passage; unit vectors are pooled from its token vectors."""
        results = []
        for passage in passages:
            offsets, (dense, tokens) = self._run(
                passage.text, ["sentence_embedding", "token_embeddings"]
            )
            units = _pool_units(tokens[0], offsets, passage.spans)
            results.append(PassageVectors(dense[0], units))
        return results

    def count_tokens(self, text: str) -> int:
        """Word pieces without the two special tokens."""
        return len(self._open_tokenizer().encode(_valid(text), add_special_tokens=False).ids)

    def _run(self, text: str, outputs: list[str]) -> tuple[list[Span], list[Any]]:
        """Each token's span in the text, and the outputs."""
        import numpy as np

        encoding = self._open_tokenizer().encode(_valid(text))
        offsets: list[Span] = encoding.offsets
        ids = np.array([encoding.ids], dtype=np.int64)
        if ids.shape[1] > self.max_tokens:
            # Cut like the reference does: the window's last place is the end token's.
            ids = np.concatenate([ids[:, : self.max_tokens - 1], ids[:, -1:]], axis=1)
            offsets = [*offsets[: self.max_tokens - 1], offsets[-1]]
        return offsets, self._open_session().run(
            outputs, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )

    def _open_tokenizer(self) -> Any:
        if self._tokenizer is None:
            with self._lock:
                self._tokenizer = self._tokenizer or _tokenizer(self._folder)
        return self._tokenizer

    def _open_session(self) -> Any:
        # Apart from the tokenizer: the process that plans an ingest counts tokens and never embeds.
        if self._session is None:
            with self._lock:
                self._session = self._session or _session(self._folder)
        return self._session


def _valid(text: str) -> str:
    """Lone surrogates, which the tokenizer refuses, as question marks; every offset stays."""
    return text.encode("utf-8", "replace").decode()


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    # The file pads and cuts to the length the model was trained with; we do neither.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _session(folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(folder / MODEL), options, providers=["CPUExecutionProvider"]
    )


def _pool_units(
    tokens: NDArray[np.float32], offsets: Sequence[Span], spans: Sequence[Span]
) -> NDArray[np.int8]:
    """Mean of the token vectors that begin inside each span, normalised, as signed bytes."""
    import numpy as np

    units = np.zeros((len(spans), tokens.shape[1]), dtype=np.int8)
    inside = [n for n, (start, end) in enumerate(offsets[: len(tokens)]) if end > start]
    starts = np.array([offsets[n][0] for n in inside])
    rows = tokens[inside]
    for n, (start, end) in enumerate(spans):
        low, high = np.searchsorted(starts, (start, end))
        if high > low:
            mean = rows[low:high].mean(axis=0)
            norm = float(np.linalg.norm(mean)) or 1.0
            units[n] = np.rint(mean / norm * UNIT_SCALE).astype(np.int8)
    return units
