"""Answers that were given before: to the same question, or to one that means the same.

The key holds everything that decides an answer, the release first, so a new release finds nothing of the old one.
Near questions are found by the cosine of their vectors and admitted only where no guard objects (`cache_guards`); how
often that goes wrong is measured by `make bench BENCH=cache`, docs/decisions/answer-cache.md.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Literal

import orjson

from groundwork.core.answers import Answer, Turn
from groundwork.core.settings import CacheSettings
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import Filter
from groundwork.serving.cache_guards import Signature, conflict, signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Similarity at which at most 1 % of the measured near misses hit.
THRESHOLD = 0.90
# An answer longer than this is not kept, so that entries bound the memory.
_MAX_CHARS = 32_000
# Near questions that are looked at, nearest first, where guards object to the nearest.
_LOOKED_AT = 8
_SPACE = re.compile(r"\s+")
_ENDING = re.compile(r"[\s?.!…。？！]+$")
_CODE = re.compile(r"[\d_./:@()\\-]|[a-z][A-Z]|^[A-Z]{2,}$")


@dataclass(frozen=True, slots=True)
class CacheKey:
    """All that decides an answer besides the question. `access` says what its asker may see."""

    release: str
    index: str
    index_version: str
    access: str = ""
    policy: str = ""
    where: Filter | None = None
    passages: int | None = None
    generator: str | None = None
    history: str = ""

    @property
    def digest(self) -> bytes:
        """32 bytes; equal keys have equal ones."""
        return hashlib.sha256(orjson.dumps(astuple(self))).digest()


def history_digest(turns: Sequence[Turn]) -> str:
    """Names a history in a key; "" for none."""
    if not turns:
        return ""
    said = [[turn.role, turn.content] for turn in turns]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:32]


def normalised(question: str) -> str:
    """What makes two questions the same one: form, white space, the end mark and case do not count.

    The case of what looks like code does: `Foo.bar` and `foo.bar` are two things.
    """
    text = _ENDING.sub("", unicodedata.normalize("NFKC", question))
    words = _SPACE.split(text.strip())
    return " ".join(word if _CODE.search(word) else word.casefold() for word in words)


@dataclass(frozen=True, slots=True)
class Hit:
    """A kept answer, how it was found, and how near its question is (1.0 where it is the same)."""

    answer: Answer
    kind: Literal["exact", "semantic"]
    similarity: float

    def record(self) -> dict[str, object]:
        """For the record of the answer that is made of it."""
        return {"hit": self.kind, "of": self.answer.id, "similarity": round(self.similarity, 4)}


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a look: a hit or none, and the tokens that were embedded to look."""

    hit: Hit | None
    embedded_tokens: int = 0


@dataclass(slots=True)
class _Entry:
    answer: Answer
    expires: float
    row: int = -1
    read: Signature | None = None


_Place = tuple[bytes, str]


class AnswerCache:
    """Least used out first, and nothing older than the setting says. Safe to use from several threads.

    `embedder` is needed for the mode `semantic` alone. `clock` gives seconds that only grow.
    """

    def __init__(
        self,
        settings: CacheSettings,
        embedder: Embedder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._embedder = embedder if settings.mode == "semantic" else None
        self._clock = clock
        self._entries: OrderedDict[_Place, _Entry] = OrderedDict()
        self._vectors = _Vectors()
        self._lock = threading.Lock()
        self.threshold = THRESHOLD if settings.threshold is None else settings.threshold

    @property
    def on(self) -> bool:
        """Whether anything is kept at all."""
        return self._settings.mode != "off"

    def __len__(self) -> int:
        return len(self._entries)

    def find(
        self, key: CacheKey, question: str, vector: NDArray[np.float32] | None = None
    ) -> Found:
        """The kept answer to this question.

        `vector` is the question's, where it is known; in the mode `semantic` it is made otherwise: use a thread.
        """
        if not self.on:
            return Found(None)
        place = (key.digest, normalised(question))
        with self._lock:
            entry = self._fresh(place)
            if entry is not None:
                return Found(Hit(entry.answer, "exact", 1.0))
        if self._embedder is None:
            return Found(None)
        tokens = 0
        if vector is None:
            vector = self._embedder.embed([question])[0]
            tokens = self._embedder.count_tokens(question)
        asked = signature(question)
        with self._lock:
            return Found(self._near(key.digest, vector, asked), tokens)

    def keep(
        self,
        key: CacheKey,
        question: str,
        answer: Answer,
        vector: NDArray[np.float32] | None = None,
    ) -> bool:
        """Keep a finished answer; says whether it was. `vector` as for `find`."""
        if not self.on or not cacheable(answer):
            return False
        place = (key.digest, normalised(question))
        entry = _Entry(answer, self._clock() + self._settings.ttl_seconds)
        if self._embedder is not None:
            vector = self._embedder.embed([question])[0] if vector is None else vector
            entry.read = signature(question)
        with self._lock:
            self._drop(place)
            while len(self._entries) >= self._settings.max_entries:
                self._drop(next(iter(self._entries)))
            if vector is not None and self._embedder is not None:
                entry.row = self._vectors.add(place, vector)
            self._entries[place] = entry
        return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._vectors = _Vectors()

    def _fresh(self, place: _Place) -> _Entry | None:
        entry = self._entries.get(place)
        if entry is None:
            return None
        if entry.expires <= self._clock():
            self._drop(place)
            return None
        self._entries.move_to_end(place)
        return entry

    def _near(self, key: bytes, vector: NDArray[np.float32], asked: Signature) -> Hit | None:
        for place, similarity in self._vectors.nearest(key, vector, _LOOKED_AT):
            if similarity < self.threshold:
                return None
            read = self._entries[place].read
            if read is None or conflict(asked, read) is not None:
                continue
            entry = self._fresh(place)
            if entry is not None:
                return Hit(entry.answer, "semantic", similarity)
        return None

    def _drop(self, place: _Place) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None and entry.row >= 0:
            self._vectors.remove(entry.row)


def cacheable(answer: Answer) -> bool:
    """Whether the same question should get the same answer again.

    Not: what failed, was cut or blocked; what another generator wrote because the right one was down or the caller's
    budget was nearly spent; what a rail has redacted; what came out of a cache itself.
    """
    if answer.outcome not in {"answered", "abstained"} or len(answer.answer) > _MAX_CHARS:
        return False
    if "degraded" in answer.record or "cache" in answer.record:
        return False
    route = answer.record.get("route", {})
    if "tried" in route or route.get("why") == "budget":
        return False
    return all(verdict.verdict in {"allow", "flag"} for verdict in answer.rails)


class _Vectors:
    """Rows of one growing matrix; freed rows are used again. Guarded by the cache's lock."""

    _FIRST_ROWS = 64

    def __init__(self) -> None:
        self._matrix: NDArray[np.float32] | None = None
        self._places: list[_Place | None] = []
        self._keys: NDArray[np.int64] | None = None
        self._free: list[int] = []

    def add(self, place: _Place, vector: NDArray[np.float32]) -> int:
        """The row that it went to."""
        import numpy as np

        if self._matrix is None or self._keys is None:
            self._matrix = np.zeros((self._FIRST_ROWS, len(vector)), np.float32)
            self._keys = np.zeros(self._FIRST_ROWS, np.int64)
        if not self._free and len(self._places) == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
            self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
        if self._free:
            row = self._free.pop()
            self._places[row] = place
        else:
            row = len(self._places)
            self._places.append(place)
        self._matrix[row] = vector
        self._keys[row] = _number(place[0])
        return row

    def remove(self, row: int) -> None:
        """Free it."""
        if self._keys is not None:
            self._keys[row] = 0
        self._places[row] = None
        self._free.append(row)

    def nearest(
        self, key: bytes, vector: NDArray[np.float32], count: int
    ) -> list[tuple[_Place, float]]:
        """The nearest entries of this key with their cosines, nearest first."""
        import numpy as np

        if self._matrix is None or self._keys is None:
            return []
        used = len(self._places)
        rows = np.flatnonzero(self._keys[:used] == _number(key))
        scores = (
            self._matrix[:used] @ vector if len(rows) * 2 > used else self._matrix[rows] @ vector
        )
        if len(scores) != len(rows):
            scores = scores[rows]
        found = []
        for n in np.argsort(-scores)[:count]:
            place = self._places[int(rows[n])]
            if place is not None and place[0] == key:
                found.append((place, float(scores[n])))
        return found


def _number(key: bytes) -> int:
    """A digest's first bytes, to compare rows by; equal numbers are checked against the whole key."""
    return int.from_bytes(key[:8], "big", signed=True)
