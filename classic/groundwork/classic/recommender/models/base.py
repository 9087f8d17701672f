"""What a model is: from the films that somebody has seen to a score for every film that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float32]
    Places = NDArray[np.int64]


class Model:
    """A fitted model over columns 0..films-1. Answers for anybody whose history is given: nobody has to be trained on."""

    family: ClassVar[str]

    @property
    def films(self) -> int:
        """How many films it knows."""
        raise NotImplementedError

    def scores(self, seen: Places, weights: Floats) -> Floats:
        """(films,) for one person who has seen these columns with these weights; higher is better."""
        raise NotImplementedError

    def score_many(self, history: csr_matrix) -> Floats:
        """(people, films), the same for each row."""
        raise NotImplementedError

    def because(self, seen: Places, weights: Floats, chosen: Places) -> Floats:
        """(chosen, seen): what each seen film adds to the score of each chosen one. Zeros where a model cannot say."""
        import numpy as np

        del weights
        return np.zeros((len(chosen), len(seen)), dtype=np.float32)

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Everything that `from_arrays` needs."""
        raise NotImplementedError

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Back from `arrays`."""
        raise NotImplementedError
