"""A question to passages, in one version: embed, find by both measures, rank, judge."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from groundwork.core.settings import RetrievalSettings
from groundwork.retrieval import confidence as judge
from groundwork.retrieval import rank as ranking
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import Filter, IndexReader
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.live import Readers
from groundwork.retrieval.passages import Retrieval
from groundwork.retrieval.sparse import VERSION as TERMS_VERSION
from groundwork.retrieval.sparse import query_vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Candidates whose text and unit vectors are read: reading one costs as much as scanning a thousand.
_READ = 24


class Retriever:
    """Safe to use from several threads. Each call sees exactly one version."""

    def __init__(self, readers: Readers, embedder: Embedder, settings: RetrievalSettings) -> None:
        self.embedder = embedder
        self._readers = readers
        self._settings = settings
        self._lexicons: dict[tuple[str, str], Lexicon] = {}
        self._lock = threading.Lock()

    def retrieve(
        self,
        question: str,
        index: str,
        *,
        where: Filter | None = None,
        limit: int | None = None,
        vector: NDArray[np.float32] | None = None,
    ) -> Retrieval:
        """The best passages for a question; `vector` is its embedding where that is known. Raises IndexMissing."""
        if vector is None:
            vector = self.embedder.embed([question])[0]
        terms = query_vector(question)
        weight = ranking.lexical_weight(question)
        wanted = limit or self._settings.passages
        with self._readers.lease(index) as reader:
            lexicon = self._lexicon(reader)
            found = reader.candidates(vector, terms, self._settings.candidates, where)
            candidates = ranking.shortlist(weight, terms, found, lexicon, max(_READ, wanted))
            stored = reader.fetch([candidate.id for candidate in candidates])
            version = reader.version
        passages = ranking.distinct(
            ranking.rank(vector, weight, terms, candidates, stored, lexicon)
        )
        signals = judge.features(terms, passages, lexicon)
        threshold = self._settings.threshold
        return Retrieval(
            question=question,
            index=index,
            index_version=version,
            passages=tuple(passages[:wanted]),
            confidence=judge.confidence(signals),
            threshold=judge.THRESHOLD if threshold is None else threshold,
            query_tokens=self.embedder.count_tokens(question),
            signals=signals,
        )

    def version(self, index: str) -> str:
        """The version that answers now. Raises IndexMissing."""
        with self._readers.lease(index) as reader:
            return reader.version

    def settings(self) -> dict[str, Any]:
        """Everything here that decides what is found, for the release."""
        return {
            **self._settings.model_dump(),
            "terms": TERMS_VERSION,
            "rank": ranking.VERSION,
            "confidence": judge.VERSION,
        }

    def _lexicon(self, reader: IndexReader) -> Lexicon:
        key = (reader.index, reader.version)
        with self._lock:
            found = self._lexicons.get(key)
        if found is None:
            found = Lexicon.from_bytes(reader.blob("lexicon"))
            with self._lock:
                # Older versions of the index are not asked again, save for a request in flight.
                self._lexicons = {k: v for k, v in self._lexicons.items() if k[0] != reader.index}
                self._lexicons[key] = found
        return found
