"""BM25 as sparse vectors: terms of documentation, identifiers kept whole and in parts.

The vectors hold the term-frequency half of BM25; the engine multiplies by its own inverse document frequency
(Qdrant's IDF modifier), so a score is exactly BM25 with the constants below.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from groundwork.retrieval.index.base import SparseVector

# Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009): the usual middle values.
K1 = 1.2
B = 0.75
# Terms a chunk of 256 word pieces has on average; fixed, so that a vector depends on its own text alone.
AVERAGE_TERMS = 130.0
# The term-frequency half never exceeds this, so a score over this times the query's idf mass is a share.
MAX_WEIGHT = K1 + 1.0

VERSION = "terms-1"

_WORD = re.compile(r"\w+")
_JOINED = re.compile(r"\w+(?:(?:\.|::)\w+)+|--\w[\w-]*")
_HUMPS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_MAX_WORD = 60
_MAX_JOINED = 80
_STOP_WORDS = frozenset(
    ["a", "about", "above", "after", "again", "against", "all", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "cannot", "could", "did", "do", "does", "doing", "down", "during", "each", "few", "for", "from", "further", "had", "has", "have", "having", "he", "her", "here", "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "itself", "just", "me", "more", "most", "my", "no", "nor", "not", "now", "of", "off", "on", "once", "only", "or", "other", "our", "out", "over", "own", "s", "same", "she", "should", "so", "some", "such", "t", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "would", "you", "your"]
)  # fmt: skip

_local = threading.local()


def terms(text: str) -> Iterator[str]:
    """The terms of a text, repeated as they occur.

    Words are lower-cased, stop words dropped, the rest stemmed (Snowball, English). `snake_case` and `camelCase` words
    count whole and in parts; dotted names (`os.path.join`) and options (`--flag`) count whole besides.
    """
    for word in _WORD.findall(text):
        lower = word.lower()
        if lower in _STOP_WORDS or len(word) >= _MAX_WORD:
            continue
        yield _stem(lower)
        yield from _parts(word, lower)
    for joined in _JOINED.findall(text):
        if len(joined) < _MAX_JOINED:
            yield joined.lower()


def document_vector(text: str) -> SparseVector:
    """The term-frequency half of BM25 for a chunk."""
    counts = Counter(term_id(term) for term in terms(text))
    length = sum(counts.values())
    damp = K1 * (1 - B + B * length / AVERAGE_TERMS)
    ordered = sorted(counts.items())
    return SparseVector(
        tuple(index for index, _ in ordered),
        tuple(count * MAX_WEIGHT / (count + damp) for _, count in ordered),
    )


def query_vector(text: str) -> SparseVector:
    """Each term of a question once, with weight 1."""
    ids = sorted({term_id(term) for term in terms(text)})
    return SparseVector(tuple(ids), (1.0,) * len(ids))


def term_id(term: str) -> int:
    """A term's index, 32 bits: CRC-32 is fast, even, and the same everywhere."""
    return zlib.crc32(term.encode())


def _parts(word: str, lower: str) -> Iterator[str]:
    if "_" in word.strip("_"):
        pieces = lower.split("_")
    elif word.islower() or word.isupper() or word.isdigit() or word[1:].islower():
        return
    else:
        pieces = [piece.lower() for piece in _HUMPS.findall(word)]
    if len(pieces) > 1:
        yield from (_stem(piece) for piece in pieces if piece and piece not in _STOP_WORDS)


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def _stemmer() -> Any:
    # Stemmer objects are not safe to share between threads.
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        import Stemmer

        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return stemmer
