"""Features of one person or film as values, and as the bytes that both sides must agree on."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.recommender.features.definitions import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person when they ask.

    `films` and `stars` are what they rated, oldest first. `genres` are shares of what they liked.
    """

    films: NDArray[np.int64]
    stars: NDArray[np.float32]
    rated: int
    mean_stars: float
    genres: NDArray[np.float32]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Profile:
        """From the features of `USER`."""
        return cls(
            record["seen_films"],
            record["seen_stars"],
            int(record["rated"]),
            float(record["mean_stars"]),
            record["genre_shares"],
        )


def to_bytes(view: View, record: Mapping[str, Any] | None) -> bytes:
    """Each feature in the order of the view, little-endian; lists with their length first, what is missing as one byte."""
    import numpy as np

    if record is None:
        return b"\0"
    parts = [b"\1"]
    for feature in view.features:
        value = record[feature.name]
        if value is None:
            parts.append(b"\0")
            continue
        parts.append(b"\1")
        if feature.kind == "int64":
            parts.append(struct.pack("<q", value))
        elif feature.kind == "float32":
            parts.append(struct.pack("<f", value))
        else:
            kind = "<i8" if feature.kind == "int64s" else "<f4"
            values = np.asarray(value, dtype=kind)
            parts += [struct.pack("<q", len(values)), values.tobytes()]
    return b"".join(parts)


def rows_of(view: View, columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any] | None]:
    """Records from columns of equal length; None where every feature of a row is missing."""
    names = [feature.name for feature in view.features]
    found: list[dict[str, Any] | None] = []
    for values in zip(*(columns[name] for name in names), strict=True):
        known = any(value is not None for value in values)
        found.append(dict(zip(names, values, strict=True)) if known else None)
    return found
