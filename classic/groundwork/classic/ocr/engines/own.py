"""Our recogniser as an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundwork.classic.ocr.model import Models
from groundwork.classic.ocr.recogniser.batches import batched, by_width
from groundwork.classic.ocr.recogniser.decode import Decoded, beam, greedy, softmax

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_STRIDE = 4
# Smaller than in training: what is beyond a line's end costs as much as the line.
_COLUMNS = 4096


class OwnEngine:
    """Lines of like width together, by the best path or, `beams` above 1, by a beam of prefixes."""

    name = "groundwork"

    def __init__(self, models: Models, beams: int = 1) -> None:
        self._models = models
        self._beams = beams

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Decoded]:
        """One result a crop, in order; see `Engine`."""
        from groundwork.classic.ocr.data.lines import fitted

        lines = [fitted(one) for one in crops]
        found: list[Decoded] = [Decoded("")] * len(lines)
        for group in by_width([one.shape[1] for one in lines], _COLUMNS):
            scores = self._models.recognise(batched([lines[n] for n in group]))
            for n, row in zip(group, scores, strict=True):
                steps = -(-lines[n].shape[1] // _STRIDE)
                found[n] = self._decoded(softmax(row[:steps]))
        return found

    def _decoded(self, probabilities: NDArray[np.float32]) -> Decoded:
        characters = self._models.characters
        if self._beams > 1:
            return beam(probabilities, characters, self._beams)
        return greedy(probabilities, characters)
