"""RAGAS' metrics that need no judge, on our rows. ragas is imported when the first row is scored (2.6 CPU-seconds)."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from groundwork.evals.golden import Example
from groundwork.evals.rows import Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (
    "ragas_rouge",
    "ragas_string_similarity",
    "ragas_semantic_similarity",
    "ragas_quoted_spans",
    "ragas_id_precision",
    "ragas_id_recall",
)


def ragas_embeddings(embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> Any:
    """The embedder of the index as RAGAS asks for one, so that nothing else is loaded."""
    from ragas.embeddings.base import BaseRagasEmbedding

    class Ours(BaseRagasEmbedding):  # type: ignore[misc]  # ragas ships no types
        is_async = True

        def embed_text(self, text: str, **_: Any) -> list[float]:
            vector: list[float] = embed([text])[0].tolist()
            return vector

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return await asyncio.to_thread(self.embed_text, text)

    return Ours()


class Ragas:
    """RAGAS with our embedder behind it."""

    def __init__(self, embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> None:
        from ragas.metrics.collections import (
            NonLLMStringSimilarity,
            QuotedSpansAlignment,
            RougeScore,
            SemanticSimilarity,
        )

        with warnings.catch_warnings():
            # They moved to nowhere: the message names a module that does not have them.
            warnings.simplefilter("ignore", DeprecationWarning)
            from ragas.metrics import IDBasedContextPrecision, IDBasedContextRecall
        self._rouge = RougeScore()
        self._string = NonLLMStringSimilarity()
        self._semantic = SemanticSimilarity(embeddings=ragas_embeddings(embed))
        self._quoted = QuotedSpansAlignment()
        self._precision = IDBasedContextPrecision()
        self._recall = IDBasedContextRecall()

    async def score(self, example: Example, row: Row) -> Mapping[str, float | None]:
        """All of `NAMES`. Without an answer, or without a reference, the ones on text do not apply."""
        scores: dict[str, float | None] = dict.fromkeys(NAMES)
        if row.answered and example.reference and example.answerable:
            pair = {"reference": example.reference, "response": row.answer}
            scores["ragas_rouge"] = _number((await self._rouge.ascore(**pair)).value)
            scores["ragas_string_similarity"] = _number((await self._string.ascore(**pair)).value)
            scores["ragas_semantic_similarity"] = _number(
                (await self._semantic.ascore(**pair)).value
            )
        if row.answered:
            quoted = await self._quoted.ascore(
                response=row.answer, retrieved_contexts=[found.text for found in row.retrieved]
            )
            scores["ragas_quoted_spans"] = _number(quoted.value)
        if example.gold and example.answerable and row.retrieved:
            scores |= await self._by_id(example, row)
        return scores

    async def _by_id(self, example: Example, row: Row) -> dict[str, float | None]:
        from ragas import SingleTurnSample

        sample = SingleTurnSample(
            retrieved_context_ids=[found.place for found in row.retrieved],
            reference_context_ids=list(example.gold),
        )
        # The public method reads or makes a user id under the user's home, also where tracking is off.
        precision = await self._precision._single_turn_ascore(sample, None)  # noqa: SLF001
        recall = await self._recall._single_turn_ascore(sample, None)  # noqa: SLF001
        return {"ragas_id_precision": _number(precision), "ragas_id_recall": _number(recall)}


def _number(value: Any) -> float | None:
    """RAGAS says NaN where it cannot say."""
    number = float(value)
    return None if math.isnan(number) else number
