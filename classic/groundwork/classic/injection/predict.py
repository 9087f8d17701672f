"""Scoring with a trained classifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.injection.features import buckets, cues
from groundwork.classic.injection.model import BUNDLED, WEIGHTS, Kind, Weights, unpack
from groundwork.classic.injection.windows import novelties, sentences, word_count
from groundwork.core.disguise import undisguised, views
from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.retrieval.embed.base import Embedder

# Above this many sentences a text without a declared kind is judged as a passage too.
_QUESTION_SENTENCES = 4
# A question's own sentences are judged one by one as well, up to this many.
_MAX_PARTS = 64
# "Show the help message." says too little to take a page away for.
_CONDEMNING_WORDS = 5


@dataclass(frozen=True, slots=True)
class Scored:
    """A part of a text and its score, 0 to 1; from 0.5 on it is taken for an attack."""

    text: str
    score: float


class InjectionClassifier:
    """Scores texts. Holds nothing that changes, so threads may share it.

    `open_embedder` is called at the first text that needs a vector; it must give the embedder that the weights were
    trained with (`Weights.embedder` names it). Without one, words and cues alone decide.
    """

    def __init__(self, weights: Weights, open_embedder: Callable[[], Embedder] | None) -> None:
        self.weights = weights
        self.digest = weights.digest
        self._open_embedder = cache(open_embedder) if open_embedder is not None else None

    @classmethod
    def load(
        cls, open_embedder: Callable[[], Embedder] | None, path: Path | None = None
    ) -> InjectionClassifier:
        """The weights of a file or of a folder with `weights.npz`; by default those that ship with the package."""
        found = path or BUNDLED
        found = found / WEIGHTS if found.is_dir() else found
        if not found.is_file():
            raise ConfigurationError(f"{found}: no such injection classifier", field="rails")
        return cls(unpack(found.read_bytes()), open_embedder)

    def embed(self, text: str) -> NDArray[np.float32]:
        """The vector of a text, as the weights expect it. Raises ConfigurationError without an embedder."""
        if self._open_embedder is None:
            raise ConfigurationError("the injection classifier was opened without an embedder")
        vector: NDArray[np.float32] = self._open_embedder().embed([text])[0]
        return vector

    def score(
        self, text: str, vector: NDArray[np.float32] | None = None, kind: Kind | None = None
    ) -> float:
        """The score of the worst part of the text, 0 to 1, 0.5 being the operating point.

        `vector` is the whole text's embedding, if it is at hand. `kind` says what the text is; without it a text of more
        than four sentences is read as a passage as well.
        """
        return max((part.score for part in self.parts(text, vector, kind)), default=0.0)

    def parts(
        self, text: str, vector: NDArray[np.float32] | None = None, kind: Kind | None = None
    ) -> list[Scored]:
        """All parts that were judged, in reading order."""
        found: list[Scored] = []
        for number, view in enumerate(views(text)):
            split = sentences(view)
            decoded = number > 0
            if kind == "question" or kind is None:
                found += self._question(
                    view, split, vector if not decoded and view == text else None, decoded
                )
            if kind == "passage" or (kind is None and len(split) > _QUESTION_SENTENCES):
                found += self.sentences(split, decoded=decoded)
        return found

    def page(self, text: str, context: str = "") -> list[Scored]:
        """The sentences of a page that are long enough to condemn it; compare with the head's `strict`."""
        split = sentences(undisguised(text))
        return [
            one
            for one in self.sentences(split, context)
            if word_count(one.text) >= _CONDEMNING_WORDS
        ]

    def alone(self, sentence: str) -> float:
        """The score of one sentence as if a user had sent it."""
        return self._judge("question", sentence, None, decoded=False, whole=True)

    def sentences(
        self, parts: list[str], context: str = "", *, decoded: bool = False
    ) -> list[Scored]:
        """The score of each sentence of a passage or page; `context` is more text around it."""
        strange = novelties(parts, context)
        return [
            Scored(part, self._judge("passage", part, None, decoded, novelty=novelty))
            for part, novelty in zip(parts, strange, strict=True)
        ]

    def _question(
        self, text: str, split: list[str], vector: NDArray[np.float32] | None, decoded: bool
    ) -> list[Scored]:
        found = [Scored(text, self._judge("question", text, vector, decoded, whole=True))]
        if len(split) > 1:
            found += [
                Scored(part, self._judge("question", part, None, decoded))
                for part in split[:_MAX_PARTS]
                if word_count(part) > 2
            ]
        return found

    def _judge(
        self,
        kind: Kind,
        text: str,
        vector: NDArray[np.float32] | None,
        decoded: bool,
        *,
        novelty: float = 0.0,
        whole: bool = False,
    ) -> float:
        head = self.weights.head(kind)
        words = buckets(text)
        named = cues(text, novelty=novelty, decoded=decoded)
        logit = head.first.logit(words, named)
        if self._open_embedder is None:
            pass
        elif whole or logit >= head.worth:
            if vector is None:
                vector = self.embed(text)
            logit = head.second.logit(words, named, vector)
        else:
            # Below what is worth a vector; kept under the operating point.
            logit = min(logit, head.shift - 1.0)
        return _sigmoid(logit - head.shift)


def log_odds(score: float) -> float:
    """The log-odds of a score, within about 20 of zero."""
    score = min(max(score, 1e-9), 1 - 1e-9)
    return math.log(score / (1 - score))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
