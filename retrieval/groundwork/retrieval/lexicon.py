"""How many chunks of a version hold each term: what a question's words weigh, and which the corpus never uses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import orjson

from groundwork.retrieval.sparse import term_id, terms


class Lexicon:
    """Document frequencies by term id. Kept with a version, and carried to the next by differences."""

    def __init__(self, chunks: int = 0, counts: Counter[int] | None = None) -> None:
        self.chunks = chunks
        self._counts: Counter[int] = counts if counts is not None else Counter()

    def add(self, text: str) -> None:
        """Count a chunk in."""
        self.chunks += 1
        self._counts.update({term_id(term) for term in terms(text)})

    def remove(self, text: str) -> None:
        """Count a chunk out that was counted in before."""
        self.chunks -= 1
        self._counts.subtract({term_id(term) for term in terms(text)})

    def frequency(self, term: int) -> int:
        """Chunks that hold the term."""
        return self._counts[term]

    def idf(self, term: int) -> float:
        """As the engine weighs it (Qdrant's IDF modifier): ln(1 + (N - n + 0.5) / (n + 0.5))."""
        n = self._counts[term]
        return math.log1p((self.chunks - n + 0.5) / (n + 0.5))

    def mass(self, indices: Iterable[int]) -> float:
        """Sum of the idf of these terms."""
        return sum(self.idf(term) for term in indices)

    def to_bytes(self) -> bytes:
        """As stored: two parallel arrays, sorted, so that equal lexicons are equal bytes."""
        items = sorted((term, count) for term, count in self._counts.items() if count > 0)
        return orjson.dumps(
            {
                "chunks": self.chunks,
                "terms": [term for term, _ in items],
                "counts": [count for _, count in items],
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes | None) -> Lexicon:
        """Back from `to_bytes`; a version without one has counted nothing."""
        if raw is None:
            return cls()
        data = orjson.loads(raw)
        counts = Counter(dict(zip(data["terms"], data["counts"], strict=True)))
        return cls(data["chunks"], counts)
