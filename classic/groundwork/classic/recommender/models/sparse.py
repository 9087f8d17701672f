"""A sparse (films, films) matrix of plain arrays: what the service adds rows of without importing scipy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.base import Floats, Places


@dataclass(frozen=True, slots=True)
class Rows:
    """CSR: the entries of row i are `column` and `value` from `begin[i]` to `begin[i + 1]`."""

    begin: NDArray[np.int64]
    column: NDArray[np.int32]
    value: Floats
    width: int

    @classmethod
    def of(cls, matrix: csr_matrix) -> Rows:
        """From scipy's."""
        import numpy as np

        return cls(
            matrix.indptr.astype(np.int64),
            matrix.indices.astype(np.int32),
            matrix.data.astype(np.float32),
            int(matrix.shape[1]),
        )

    def scipy(self) -> csr_matrix:
        """To scipy's."""
        from scipy.sparse import csr_matrix

        shape = (len(self.begin) - 1, self.width)
        return csr_matrix((self.value, self.column, self.begin), shape=shape)

    def sum(self, rows: Places, weights: Floats) -> Floats:
        """(width,): the weighted sum of these rows."""
        import numpy as np

        which, amount = self._entries(rows)
        added = self.value[which] * np.repeat(weights, amount)
        return np.bincount(self.column[which], weights=added, minlength=self.width).astype(
            np.float32
        )

    def block(self, rows: Places, columns: Places) -> Floats:
        """(rows, columns) of these entries, dense."""
        import numpy as np

        block = np.zeros((len(rows), len(columns)), dtype=np.float32)
        place = np.full(self.width, -1, dtype=np.int64)
        place[columns] = np.arange(len(columns))
        which, amount = self._entries(rows)
        target = place[self.column[which]]
        kept = target >= 0
        block[np.repeat(np.arange(len(rows)), amount)[kept], target[kept]] = self.value[which][kept]
        return block

    def _entries(self, rows: Places) -> tuple[Places, Places]:
        """Positions of all entries of these rows, and how many each row has."""
        import numpy as np

        begin = self.begin[rows]
        amount = self.begin[rows + 1] - begin
        ends = np.cumsum(amount)
        total = int(ends[-1]) if len(ends) else 0
        return np.arange(total) + np.repeat(begin - (ends - amount), amount), amount

    def arrays(self, name: str) -> dict[str, Any]:
        """As arrays under a name."""
        import numpy as np

        return {
            f"{name}.begin": self.begin,
            f"{name}.column": self.column,
            f"{name}.value": self.value,
            f"{name}.width": np.array([self.width]),
        }

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        begin, column, value = (arrays[f"{name}.{part}"] for part in ("begin", "column", "value"))
        return cls(begin, column, value, int(arrays[f"{name}.width"][0]))


def strongest(block: Floats, keep: int) -> csr_matrix:
    """The `keep` largest entries by amount of each row of a dense block, as CSR without zeros."""
    import numpy as np
    from scipy.sparse import csr_matrix

    rows, width = block.shape
    keep = min(keep, width)
    chosen = np.argpartition(-np.abs(block), keep - 1, axis=1)[:, :keep]
    chosen.sort(axis=1)
    value = np.take_along_axis(block, chosen, axis=1)
    begin = np.arange(0, rows * keep + 1, keep)
    made = csr_matrix((value.ravel(), chosen.ravel(), begin), shape=(rows, width))
    made.eliminate_zeros()
    return made
