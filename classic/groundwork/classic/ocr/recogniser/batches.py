"""Lines of like width as one array, standardised."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from groundwork.classic.ocr.recogniser.shards import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEIGHT = 32
# Columns of one batch: lines times the widest of them.
COLUMNS = 12_800
_MULTIPLE = 16


def standardised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean 0 and deviation 1 over the line, so that dim and bright print look alike."""
    import numpy as np

    values = pixels.astype(np.float32)
    return np.asarray((values - values.mean()) / (values.std() + 4.0), dtype=np.float32)


def batched(lines: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """(lines, 1, 32, width of the widest, rounded up); what is beyond a line's end repeats its last column's mean."""
    import numpy as np

    widest = max(one.shape[1] for one in lines)
    width = -(-widest // _MULTIPLE) * _MULTIPLE
    batch = np.zeros((len(lines), 1, HEIGHT, width), dtype=np.float32)
    for n, one in enumerate(lines):
        values = standardised(one)
        batch[n, 0, :, : one.shape[1]] = values
        batch[n, 0, :, one.shape[1] :] = values[:, -2:].mean()
    return batch


def by_width(widths: Sequence[int], columns: int = COLUMNS) -> Iterator[list[int]]:
    """Positions in groups of like width, each of about `columns` columns."""
    group: list[int] = []
    for position in sorted(range(len(widths)), key=lambda n: (widths[n], n)):
        if group and (len(group) + 1) * widths[position] > columns:
            yield group
            group = []
        group.append(position)
    if group:
        yield group


def shuffled(
    samples: Sequence[Sample], rng: random.Random, columns: int = COLUMNS
) -> list[list[int]]:
    """Groups by width, jittered so that they differ from epoch to epoch, in random order."""
    widths = [int(one.pixels.shape[1] * rng.uniform(0.9, 1.1)) for one in samples]
    groups = list(by_width(widths, columns))
    rng.shuffle(groups)
    return groups
