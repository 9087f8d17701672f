"""How well a release reads what it never saw: characters and whole lines, cards found, and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.ocr import geometry
from groundwork.classic.ocr.alphabet import normalised
from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.held_out import HeldOutCard, HeldOutLine
from groundwork.classic.ocr.reading import Reading
from groundwork.core.registry.stats import Interval, interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A card counts as located where its outline and the true one share this much, and the right corner is the first: its
# lines are then found and read. Where they share `EXACT`, the outline is good enough to be kept as a picture.
LOCATED, EXACT = 0.8, 0.9
_SEED = 11


@dataclass(frozen=True, slots=True)
class LineResult:
    """A line as read. `edits` are Levenshtein's over the text's characters."""

    id: str
    group: str
    text: str
    read: str
    edits: int
    confidence: float
    conditions: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """1 less edits by characters, at least 0."""
        return max(0.0, 1 - self.edits / max(1, len(self.text)))

    @property
    def exact(self) -> bool:
        """Nothing wrong."""
        return self.edits == 0


@dataclass(frozen=True, slots=True)
class CardResult:
    """A card as read. `right` and `wrong` are fields by name; `overlap` is of the outlines."""

    id: str
    layout: str
    overlap: float
    upright: bool
    right: tuple[str, ...]
    wrong: dict[str, tuple[str, str]]
    conditions: tuple[str, ...]
    ms: float = 0.0

    @property
    def located(self) -> bool:
        """Found, the right way up."""
        return self.overlap >= LOCATED and self.upright

    @property
    def outlined(self) -> bool:
        """Located, with an exact outline."""
        return self.overlap >= EXACT and self.upright

    @property
    def fields(self) -> float:
        """The share of fields that are right."""
        return len(self.right) / max(1, len(self.right) + len(self.wrong))


@dataclass(slots=True)
class Results:
    """Of one release on one set of held-out examples."""

    lines: list[LineResult] = field(default_factory=list)
    cards: list[CardResult] = field(default_factory=list)
    crops: list[LineResult] = field(default_factory=list)


def read_lines(
    engine: Engine, lines: Sequence[HeldOutLine], done: Callable[[int], None] = lambda _: None
) -> list[LineResult]:
    """The engine on the lines, 64 at a time."""
    found = []
    for at in range(0, len(lines), 64):
        some = lines[at : at + 64]
        for one, read in zip(some, engine.read([line.pixels() for line in some]), strict=True):
            found.append(
                scored(
                    one.id,
                    one.family,
                    one.text,
                    read.text,
                    read.confidence,
                    (one.use, *one.conditions),
                )
            )
        done(len(some))
    return found


def scored(
    name: str,
    group: str,
    text: str,
    read: str,
    confidence: float = 0.0,
    conditions: tuple[str, ...] = (),
) -> LineResult:
    """One line's result; both texts are normalised first."""
    from rapidfuzz.distance import Levenshtein

    wanted, found = normalised(text), normalised(read)
    return LineResult(
        name, group, wanted, found, Levenshtein.distance(wanted, found), confidence, conditions
    )


def read_crop_lines(
    engine: Engine, crops: Sequence[tuple[str, str, str, NDArray[np.uint8]]]
) -> list[LineResult]:
    """Labelled crops as (id, group, text, pixels)."""
    found = []
    for at in range(0, len(crops), 64):
        some = crops[at : at + 64]
        read = engine.read([pixels for *_, pixels in some])
        found += [
            scored(name, group, text, one.text, one.confidence)
            for (name, group, text, _), one in zip(some, read, strict=True)
        ]
    return found


def judge_card(card: HeldOutCard, reading: Reading) -> CardResult:
    """A reading against the truth: outline, orientation and every field, which must be the same text."""
    overlap, upright = 0.0, False
    if reading.card is not None:
        overlap = geometry.overlap(reading.card.quad, card.quad)
        near = [_far(reading.card.quad.corners[0], corner) for corner in card.quad.corners]
        upright = near.index(min(near)) == 0
    read = {one.name: one.value for one in reading.fields}
    right, wrong = [], {}
    for name, wanted in card.truth.items():
        found = normalised(read.get(name, ""))
        if found == normalised(wanted):
            right.append(name)
        else:
            wrong[name] = (wanted, found)
    return CardResult(
        card.id, card.layout, overlap, upright, tuple(right), wrong, card.conditions, sum(reading.timings_ms.values())
    )  # fmt: skip


def _far(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of figures: a slice of the examples, and a mean with its interval."""

    metric: str
    slice: str
    interval: Interval


def char_error(results: Sequence[LineResult]) -> Interval:
    """Edits by characters over all lines, which is what papers call CER, with an interval over groups."""
    import numpy as np

    if not results:
        return Interval(0.0, 0.0, 0.0, 0)
    groups = sorted({one.group for one in results})
    edits = np.array([sum(one.edits for one in results if one.group == name) for name in groups])
    length = np.array(
        [sum(len(one.text) for one in results if one.group == name) for name in groups]
    )
    rng = np.random.default_rng(_SEED)
    drawn = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=4000)
    means = (drawn @ edits) / np.maximum(1, drawn @ length)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(
        float(edits.sum() / max(1, length.sum())), float(low), float(high), len(results)
    )


def tables(results: Results) -> list[Row]:
    """All figures: over everything, by condition, by use and by layout."""
    rows = []
    for name, lines in (("lines", results.lines), ("crops", results.crops)):
        if lines:
            rows += _line_rows(name, lines)
    if results.cards:
        rows += _card_rows("cards", results.cards)
        for layout in sorted({one.layout for one in results.cards}):
            rows += _card_rows(layout, [one for one in results.cards if one.layout == layout])
        for condition in sorted({name for one in results.cards for name in one.conditions}):
            rows += _card_rows(
                condition, [one for one in results.cards if condition in one.conditions]
            )
    return rows


def _line_rows(name: str, lines: Sequence[LineResult]) -> list[Row]:
    rows = _two(name, lines)
    conditions = sorted({condition for one in lines for condition in one.conditions})
    for condition in conditions:
        rows += _two(f"{name}: {condition}", [one for one in lines if condition in one.conditions])
    return rows


def _two(name: str, lines: Sequence[LineResult]) -> list[Row]:
    exact = _share([float(one.exact) for one in lines], [one.group for one in lines])
    return [Row("char_error", name, char_error(lines)), Row("line_exact", name, exact)]


def _card_rows(name: str, cards: Sequence[CardResult]) -> list[Row]:
    def row(metric: str, values: Iterable[float]) -> Row:
        return Row(metric, name, _share(list(values), [one.id for one in cards]))

    return [
        row("located", (float(one.located) for one in cards)),
        row("outlined", (float(one.outlined) for one in cards)),
        row("fields", (one.fields for one in cards)),
    ]


def _share(values: list[float], groups: list[str]) -> Interval:
    """The interval of a share: widened for few groups it may pass the ends that a share has."""
    found = interval(values, groups, seed=_SEED)
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def folder_of(prepared: Path) -> Path:
    """Where the held-out examples of a prepared job are."""
    return prepared / "held_out"
