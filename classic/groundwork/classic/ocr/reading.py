"""What reading a picture gives. Coordinates are pixels of the picture as it was handed in, x to the right, y down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def to_list(self) -> list[float]:
        """Left, top, right, bottom, to a tenth of a pixel."""
        return [round(one, 1) for one in (self.left, self.top, self.right, self.bottom)]


@dataclass(frozen=True, slots=True)
class Quad:
    """Four corners: of the text or card as a person reads it, from its upper left, clockwise."""

    corners: tuple[Corner, Corner, Corner, Corner]

    @property
    def box(self) -> Box:
        """The upright rectangle around it."""
        xs, ys = [x for x, _ in self.corners], [y for _, y in self.corners]
        return Box(min(xs), min(ys), max(xs), max(ys))

    @classmethod
    def around(cls, quads: Sequence[Quad]) -> Quad:
        """The upright rectangle around several, as a quad."""
        boxes = [one.box for one in quads]
        left, top = min(one.left for one in boxes), min(one.top for one in boxes)
        right, bottom = max(one.right for one in boxes), max(one.bottom for one in boxes)
        return cls(((left, top), (right, top), (right, bottom), (left, bottom)))

    def to_list(self) -> list[list[float]]:
        """[[x, y], …], to a tenth of a pixel."""
        return [[round(x, 1), round(y, 1)] for x, y in self.corners]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text. `confidence` is 0..1, the geometric mean over its characters, which `probabilities` holds."""

    text: str
    confidence: float
    quad: Quad
    probabilities: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": self.quad.box.to_list(),
            "corners": self.quad.to_list(),
        }


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that the document states.

    `name` is one of `fields.NAMES`; `value` is as printed, dates as ISO 8601 where they are certain. `valid` tells whether
    its check digit holds, None where it has none. `source` is `mrz` or `printed`. `label` is the printed label, if any.
    """

    name: str
    value: str
    confidence: float
    quad: Quad
    source: str = "printed"
    valid: bool | None = None
    label: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "confidence": round(self.confidence, 4),
            "source": self.source,
            "valid": self.valid,
            "label": self.label or None,
            "box": self.quad.box.to_list(),
            "corners": self.quad.to_list(),
        }


@dataclass(frozen=True, slots=True)
class Zone:
    """A machine-readable zone. `format` is TD1, TD2 or TD3; `checks` tells by name whether each check digit holds."""

    format: str
    rows: tuple[str, ...]
    values: Mapping[str, str]
    checks: Mapping[str, bool]
    quad: Quad

    @property
    def valid(self) -> bool:
        """Every check digit holds."""
        return all(self.checks.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": self.format,
            "rows": list(self.rows),
            "values": dict(self.values),
            "checks": dict(self.checks),
            "valid": self.valid,
            "box": self.quad.box.to_list(),
        }


@dataclass(frozen=True, slots=True)
class Card:
    """Where the card lies. `rotation` is by how many degrees it is turned clockwise, 0..360; `confidence` is 0..1."""

    quad: Quad
    rotation: float
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "corners": self.quad.to_list(),
            "rotation": round(self.rotation, 1),
            "confidence": round(self.confidence, 4),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything read from one picture of `width` by `height` pixels.

    `card` is None where none was found: then the whole picture was read as a page. `lines` are in reading order.
    `engine` read the lines; `release` is the id of the models. `timings_ms` by step.
    """

    width: int
    height: int
    card: Card | None
    lines: tuple[Line, ...]
    fields: tuple[Field, ...] = ()
    zone: Zone | None = None
    engine: str = "groundwork"
    release: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """The mean over lines, each counted by its characters; 0 where nothing was read."""
        total = sum(len(one.text) for one in self.lines)
        return sum(one.confidence * len(one.text) for one in self.lines) / total if total else 0.0

    @property
    def text(self) -> str:
        """All lines, one a row."""
        return "\n".join(one.text for one in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "width": self.width,
            "height": self.height,
            "card": self.card.to_dict() if self.card else None,
            "confidence": round(self.confidence, 4),
            "fields": [one.to_dict() for one in self.fields],
            "mrz": self.zone.to_dict() if self.zone else None,
            "lines": [one.to_dict() for one in self.lines],
            "engine": self.engine,
            "release": self.release,
            "timings_ms": {name: round(spent, 1) for name, spent in self.timings_ms.items()},
        }
