"""Shares with their 95 % Wilson interval."""

from __future__ import annotations

import math
from collections.abc import Iterable

_Z = 1.959964


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The interval of a share (Wilson, 1927); (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    p = hits / of
    centre = p + _Z**2 / (2 * of)
    spread = _Z * math.sqrt(p * (1 - p) / of + _Z**2 / (4 * of**2))
    scale = 1 + _Z**2 / of
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def share(hits: Iterable[bool]) -> str:
    """`83.3 % (68.1–92.1)`."""
    values = list(hits)
    low, high = wilson(sum(values), len(values))
    mean = sum(values) / len(values) if values else 0.0
    return f"{100 * mean:.1f} % ({100 * low:.1f}–{100 * high:.1f})"
