"""Measures of ranked lists. Arrays of lists are (people, k) of columns, best first, -1 where a list is shorter.

NDCG and recall are those of Liang et al. 2018 (section 4.2): gains are 0 or 1, and recall divides by min(k, targets), so that a
perfect list has 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Lists = NDArray[np.int64]
    Values = NDArray[np.float64]

_SMALL = 1e-2


def best(scores: NDArray[np.float32], k: int) -> Lists:
    """The columns of the `k` best scores of each row, ties by column; -1 where fewer are above minus infinity."""
    import numpy as np

    k = min(k, scores.shape[1])
    # The k-th best score first, so that which of several equal ones is in does not depend on a partition.
    bar = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    lists = np.full((len(scores), k), -1, dtype=np.int64)
    for n, row in enumerate(scores):
        columns = np.flatnonzero(row >= bar[n])
        chosen = columns[np.lexsort((columns, -row[columns]))[:k]]
        chosen = chosen[np.isfinite(row[chosen])]
        lists[n, : len(chosen)] = chosen
    return lists


def hits(lists: Lists, targets: csr_matrix) -> NDArray[np.bool_]:
    """(people, k): whether each film of each list is a target."""
    import numpy as np

    rows = np.arange(len(lists))[:, None]
    found = np.asarray(targets[rows.repeat(lists.shape[1], 1), np.maximum(lists, 0)].todense()) > 0
    return found & (lists >= 0)


def ndcg(found: NDArray[np.bool_], targets: NDArray[np.int64], k: int) -> Values:
    """By person; `targets` is how many each has, at least one."""
    import numpy as np

    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = found[:, :k] @ discount[: found[:, :k].shape[1]]
    ideal = np.cumsum(discount)[np.minimum(targets, k) - 1]
    value: Values = gained / ideal
    return value


def recall(found: NDArray[np.bool_], targets: NDArray[np.int64], k: int) -> Values:
    """By person."""
    import numpy as np

    value: Values = found[:, :k].sum(axis=1) / np.minimum(targets, k)
    return value


def coverage(lists: Lists, films: int) -> float:
    """The share of the catalogue that is in any list."""
    import numpy as np

    return len(np.unique(lists[lists >= 0])) / max(1, films)


def novelty(lists: Lists, share: NDArray[np.float32]) -> Values:
    """By person: the mean surprise of the list, -log2 of the share of people who have seen each film."""
    import numpy as np

    surprise = -np.log2(np.maximum(share, 1e-9))
    return _mean(surprise[np.maximum(lists, 0)], lists >= 0)


def diversity(lists: Lists, genres: NDArray[np.float32]) -> Values:
    """By person: 1 less the mean cosine between the genres of two films of the list (intra-list diversity)."""
    import numpy as np

    length = np.linalg.norm(genres, axis=1, keepdims=True)
    unit = genres / np.maximum(length, 1e-9)
    of_list = unit[np.maximum(lists, 0)] * (lists >= 0)[:, :, None]
    sums = of_list.sum(axis=1)
    own = (of_list**2).sum(axis=(1, 2))
    size = (lists >= 0).sum(axis=1).astype(np.float64)
    pairs = np.maximum(size * (size - 1), 1.0)
    value: Values = 1.0 - ((sums**2).sum(axis=1) - own) / pairs
    return value


def miscalibration(
    lists: Lists, genres: NDArray[np.float32], history: NDArray[np.float32]
) -> Values:
    """By person: the divergence of the list's genres from their history's, 0 where they are alike (Steck 2018).

    `history` is (people, genres). KL(p || q) with q smoothed by p at 0.01, in nats.
    """
    import numpy as np

    listed = (genres[np.maximum(lists, 0)] * (lists >= 0)[:, :, None]).sum(axis=1)
    p = history / np.maximum(history.sum(axis=1, keepdims=True), 1e-9)
    q = listed / np.maximum(listed.sum(axis=1, keepdims=True), 1e-9)
    q = (1 - _SMALL) * q + _SMALL * p
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / np.maximum(q, 1e-12)), 0.0)
    value: Values = terms.sum(axis=1).astype(np.float64)
    return value


def _mean(values: NDArray[np.floating], counted: NDArray[np.bool_]) -> Values:
    import numpy as np

    total = (values * counted).sum(axis=1)
    mean: Values = (total / np.maximum(counted.sum(axis=1), 1)).astype(np.float64)
    return mean
