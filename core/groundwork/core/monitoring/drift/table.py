"""Features, and observations of them as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["number", "category", "embedding"]
# One observation: a number, a word or a vector by feature; None where the feature does not apply.
Values = Mapping[str, Any]

# What stands for a category that was not observed.
MISSING = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that is watched. `about` says what it is, in words that a person reads."""

    name: str
    kind: Kind
    about: str


@dataclass(frozen=True, slots=True)
class Table:
    """Observations as columns, all of one length.

    A number's column is float64 with NaN where it does not apply, a category's holds strings, an embedding's is float32 of
    shape (n, dimension) with rows of zeros where it does not apply.
    """

    columns: Mapping[str, NDArray[Any]]
    rows: int

    def last(self, count: int) -> Table:
        """The newest rows only."""
        return self if count >= self.rows else self.slice(self.rows - count, self.rows)

    def slice(self, start: int, stop: int) -> Table:
        """Rows from `start` to before `stop`."""
        held = {name: column[start:stop] for name, column in self.columns.items()}
        return Table(held, min(stop, self.rows) - start)


def table_of(rows: Sequence[Values], features: Sequence[Feature]) -> Table:
    """Columns of these rows, oldest first."""
    columns = {feature.name: _column(rows, feature) for feature in features}
    return Table(columns, len(rows))


def checked(values: Values, features: Mapping[str, Feature]) -> dict[str, Any]:
    """The values that a monitor keeps: floats, words and float32 vectors.

    Raises ConfigurationError for a feature that the monitor does not have: a fault of whoever records.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        feature = features.get(name)
        if feature is None:
            raise ConfigurationError(
                f"{name} is no feature; there is {', '.join(features)}", field="features"
            )
        if value is None:
            continue
        if feature.kind == "number":
            found[name] = float(value)
        elif feature.kind == "category":
            found[name] = str(value)[:64]
        else:
            found[name] = np.asarray(value, dtype=np.float32).reshape(-1)
    return found


def _column(rows: Sequence[Values], feature: Feature) -> NDArray[Any]:
    name = feature.name
    if feature.kind == "number":
        numbers = (row.get(name) for row in rows)
        return np.array([np.nan if one is None else one for one in numbers], dtype=np.float64)
    if feature.kind == "category":
        return np.array([row.get(name) or MISSING for row in rows], dtype=object)
    vectors = [row.get(name) for row in rows]
    # An embedder may have been exchanged meanwhile; the newest one decides which vectors can be compared.
    wide = next((len(one) for one in reversed(vectors) if one is not None), 1)
    column = np.zeros((len(rows), wide), dtype=np.float32)
    for n, vector in enumerate(vectors):
        if vector is not None and len(vector) == wide:
            column[n] = vector
    return column
