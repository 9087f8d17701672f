"""A card's face while it is laid out: texts at places, with what they mean."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from groundwork.classic.ocr.alphabet import readable
from groundwork.classic.ocr.data.cards.people import Person
from groundwork.classic.ocr.labels import LANGUAGES, labels


@dataclass(frozen=True, slots=True)
class Item:
    """A line of text. `x` and `y` are of the left end of its baseline, `size` the em, all in pixels of the face.

    `role` of: label, value, title, zone, other. `name` is the field that a value is of.
    """

    text: str
    x: float
    y: float
    size: int
    role: str
    name: str = ""


@dataclass(slots=True)
class Sheet:
    """A face of `width` by `height` pixels. `photo` is the portrait's rectangle, `band` how high the coloured head is."""

    layout: str
    person: Person
    rng: random.Random
    width: int = 1012
    height: int = 638
    items: list[Item] = field(default_factory=list)
    photo: tuple[int, int, int, int] | None = None
    band: int = 0
    languages: tuple[str, ...] = ("en",)
    label_size: int = 20
    value_size: int = 30

    def __post_init__(self) -> None:
        rng = self.rng
        first = rng.choice(LANGUAGES) if rng.random() < 0.55 else "en"
        second = rng.choice(LANGUAGES)
        self.languages = (first, second) if rng.random() < 0.3 and second != first else (first,)
        self.label_size = rng.randint(18, 23)
        self.value_size = rng.randint(27, 36)

    def label(self, name: str, *, short: bool = False) -> str:
        """A field's label in the sheet's languages."""
        used = self.languages[:1] if short else self.languages
        text = " / ".join(self.rng.choice(labels(name, one)) for one in used)
        return readable(text)

    def put(
        self, text: str, x: float, y: float, size: int, role: str = "other", name: str = ""
    ) -> None:
        """A line of text."""
        if text:
            self.items.append(Item(text, x, y, size, role, name))

    def above(self, name: str, x: float, y: float, value_size: int = 0) -> None:
        """A field with its label over its value; `y` is the label's baseline."""
        size = value_size or self.value_size
        self.put(self.label(name), x, y, self.label_size, "label", name)
        self.put(self.person.printed[name], x, y + size * 1.12, size, "value", name)

    def below(self, name: str, x: float, y: float) -> None:
        """A field with its label under its value; `y` is the value's baseline."""
        self.put(self.person.printed[name], x, y, self.value_size, "value", name)
        self.put(self.label(name), x, y + self.label_size * 1.25, self.label_size, "label", name)

    def beside(self, name: str, x: float, y: float, gap: float) -> None:
        """A field with its label to the left, the value `gap` pixels from it."""
        mark = self.rng.choice(["", ":", " :"])
        self.put(self.label(name, short=True) + mark, x, y, self.label_size, "label", name)
        self.put(self.person.printed[name], x + gap, y, self.value_size, "value", name)

    def joined(self, name: str, x: float, y: float) -> None:
        """A field with its label in the same line, by a colon."""
        text = f"{self.label(name, short=True)}: {self.person.printed[name]}"
        self.put(text, x, y, self.value_size, "value", name)

    def numbered(self, number: str, name: str, x: float, y: float) -> None:
        """A field of a licence: its number, then its value."""
        self.put(f"{number}.", x, y, self.label_size, "label", name)
        self.put(
            self.person.printed[name], x + self.value_size * 1.7, y, self.value_size, "value", name
        )

    def zone(self, kind: str) -> None:
        """The machine-readable zone at the foot."""
        rows = self.person.zone(kind)
        # OCR-B's pitch is 0.6 of its em here; the zone spans most of the width.
        size = int(self.width * 0.9 / len(rows[0]) / 0.72)
        pitch = size * 1.42
        top = self.height - pitch * (len(rows) - 1) - size * 0.9
        for n, row in enumerate(rows):
            self.put(row, self.width * 0.045, top + n * pitch, size, "zone")
