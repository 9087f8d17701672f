"""From scores to text: the best path, or a beam over prefixes; no dictionary in either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLANK = 0
# Classes less probable than this in a step are not tried by the beam.
_WORTH = 1e-3


@dataclass(frozen=True, slots=True)
class Decoded:
    """A line's text with the model's probability of each of its characters."""

    text: str
    probabilities: tuple[float, ...] = ()

    @property
    def confidence(self) -> float:
        """The geometric mean of the characters' probabilities; 0 of an empty line."""
        if not self.probabilities:
            return 0.0
        logs = [math.log(max(one, 1e-6)) for one in self.probabilities]
        return math.exp(sum(logs) / len(logs))


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the last axis."""
    import numpy as np

    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)


def greedy(probabilities: NDArray[np.float32], characters: str) -> Decoded:
    """The best class of every step, (steps, classes); repeats are one, blanks none."""
    best = probabilities.argmax(axis=1)
    text: list[str] = []
    sure: list[float] = []
    former = BLANK
    for step, chosen in enumerate(best.tolist()):
        if chosen != BLANK:
            here = float(probabilities[step, chosen])
            if chosen != former:
                text.append(characters[chosen - 1])
                sure.append(here)
            else:
                sure[-1] = max(sure[-1], here)
        former = chosen
    return _trimmed(text, sure)


def beam(probabilities: NDArray[np.float32], characters: str, width: int = 8) -> Decoded:
    """The most probable text over all its paths, within a beam of prefixes (Graves 2012, 7.5, without a language model)."""
    # prefix: (ends in blank, ends in its last character)
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    for row in probabilities:
        worth = [int(one) for one in (row > _WORTH).nonzero()[0]]
        following: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank, last) in beams.items():
            for chosen in worth:
                here = float(row[chosen])
                if chosen == BLANK:
                    following.setdefault(prefix, [0.0, 0.0])[0] += (blank + last) * here
                    continue
                longer = following.setdefault((*prefix, chosen), [0.0, 0.0])
                if prefix and prefix[-1] == chosen:
                    longer[1] += blank * here
                    following.setdefault(prefix, [0.0, 0.0])[1] += last * here
                else:
                    longer[1] += (blank + last) * here
        kept = sorted(following.items(), key=lambda one: -sum(one[1]))[:width]
        total = sum(sum(pair) for _, pair in kept) or 1.0
        beams = {prefix: (pair[0] / total, pair[1] / total) for prefix, pair in kept}
    prefix, pair = max(beams.items(), key=lambda one: sum(one[1]))
    mean = sum(pair) ** (1 / max(1, len(prefix)))
    return _trimmed([characters[one - 1] for one in prefix], [mean] * len(prefix))


def _trimmed(text: Sequence[str], sure: Sequence[float]) -> Decoded:
    first = next((n for n, one in enumerate(text) if one != " "), len(text))
    last = next((n for n in range(len(text), first, -1) if text[n - 1] != " "), first)
    return Decoded("".join(text[first:last]), tuple(sure[first:last]))
