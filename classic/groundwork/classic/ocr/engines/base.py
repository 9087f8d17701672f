"""What an engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.classic.ocr.recogniser.decode import Decoded


class Engine(Protocol):
    """Reads crops of single lines. Safe to call from several threads."""

    name: str

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Decoded]:
        """One result a crop, in order. A crop is grey, (height, width), of any size of at least 1 by 1.

        Raises Unavailable where the engine does not answer.
        """
        ...
