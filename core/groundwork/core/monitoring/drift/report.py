"""What a look found, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from groundwork.core.monitoring.drift.table import MISSING, Feature, Table

# learning: the reference is not full yet; waiting: too few new observations to look; the others are what a look found.
State = Literal["learning", "waiting", "steady", "drifting"]


@dataclass(frozen=True, slots=True)
class Shift:
    """One feature in one look. `p_value` is corrected for all features; `before` and `after` are words for people.

    `size` is how large the difference is: of means in standard deviations of the reference, of shares of the category
    that moved the most, or of mean vectors.
    """

    feature: str
    about: str
    kind: str
    p_value: float
    drifted: bool
    before: str
    after: str
    size: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The state of a monitor. `observed` and `wanted` count what is gathered and what is needed while it learns or waits.

    `looks` counts those since the reference began, `streak` those in a row that found drift, this one included.
    """

    monitor: str
    state: State
    at: str
    reference: int
    window: int
    observed: int
    wanted: int
    alpha: float = 0.0
    shifts: tuple[Shift, ...] = field(default=())
    streak: int = 0
    # Whether this look has just been made: False where an earlier one is shown.
    fresh: bool = False

    @property
    def drifted(self) -> tuple[Shift, ...]:
        """What has moved, the most certain first."""
        return tuple(sorted((s for s in self.shifts if s.drifted), key=lambda s: s.p_value))

    @property
    def sentence(self) -> str:
        """For people."""
        if self.state == "learning":
            return f"learning what is usual: {self.observed:,} of {self.wanted:,} observations"
        if self.state == "waiting":
            return f"waiting for {self.wanted:,} new observations: {self.observed:,} so far"
        if self.state == "steady":
            return f"the last {self.window:,} observations are like the {self.reference:,} before"
        moved = "; ".join(f"{s.about} from {s.before} to {s.after}" for s in self.drifted[:3])
        more = len(self.drifted) - 3
        return moved + (f"; and {more} more" if more > 0 else "")

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "shifts": [asdict(s) for s in self.shifts], "says": self.sentence}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DriftReport:
        """What `to_dict` gave."""
        held = {name: data[name] for name in cls.__slots__ if name in data}
        return cls(**{**held, "shifts": tuple(Shift(**each) for each in data["shifts"])})


def shift_of(
    feature: Feature, reference: Table, window: Table, p_value: float, alpha: float
) -> Shift:
    """One feature's row, with its figures before and after."""
    old, new = reference.columns[feature.name], window.columns[feature.name]
    describe = {"number": _numbers, "category": _categories, "embedding": _vectors}[feature.kind]
    before, after, size = describe(old, new)
    return Shift(
        feature.name,
        feature.about,
        feature.kind,
        p_value,
        p_value <= alpha,
        before,
        after,
        round(size, 4),
    )


def _numbers(old: Any, new: Any) -> tuple[str, str, float]:
    known, seen = old[~np.isnan(old)], new[~np.isnan(new)]
    if not len(known) or not len(seen):
        share = len(seen) / max(1, len(new)) - len(known) / max(1, len(old))
        return f"{len(known):,} values", f"{len(seen):,} values", abs(share)
    spread = float(known.std()) or 1.0
    return (
        f"{known.mean():.4g}",
        f"{seen.mean():.4g}",
        abs(float(seen.mean() - known.mean())) / spread,
    )


def _categories(old: Any, new: Any) -> tuple[str, str, float]:
    names = sorted({*old, *new})
    moved = max(names, key=lambda name: abs(float(np.mean(new == name) - np.mean(old == name))))
    before, after = float(np.mean(old == moved)), float(np.mean(new == moved))
    word = moved if moved != MISSING else "none"
    return f"{before:.1%} {word}", f"{after:.1%}", abs(after - before)


def _vectors(old: Any, new: Any) -> tuple[str, str, float]:
    if old.shape[1] != new.shape[1]:
        return f"{old.shape[1]} dimensions", f"{new.shape[1]} dimensions", 1.0
    apart = float(np.linalg.norm(new.mean(axis=0) - old.mean(axis=0)))
    return "what was usual", f"means {apart:.3f} apart", apart
