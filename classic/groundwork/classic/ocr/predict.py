"""Reading a picture: find the card, straighten it, find its lines, read them, and say what they mean.

`open_reader(settings)` once, which loads nothing until the first picture; then `reader.read(picture)` gives a `Reading`
of a Pillow picture, and `draw(picture, reading)` a copy with boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.engines.open import open_engine
from groundwork.classic.ocr.model import BUNDLED, Models
from groundwork.classic.ocr.reader import Reader
from groundwork.classic.ocr.reading import Box, Card, Corner, Field, Line, Quad, Reading, Zone
from groundwork.core.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "Box", "Card", "Corner", "Engine", "Field", "Line", "PictureReader", "Quad", "Reading", "Zone", "draw", "open_reader",
]  # fmt: skip

_CARD, _LINE, _FIELD = (230, 120, 0), (40, 120, 220), (0, 150, 60)


class PictureReader(Protocol):
    """What serving holds. Safe to call from several threads; a call takes one thread's time."""

    engine: str
    release: str

    def read(self, picture: Image, *, find_card: bool = True) -> Reading:
        """Read one picture of any mode and size; with `find_card` off it is read as a page.

        The caller has checked the size and turned it as EXIF says. Raises Unavailable where the engine does not answer.
        """
        ...

    def read_many(self, pictures: Sequence[Image], *, find_card: bool = True) -> list[Reading]:
        """Each in turn."""
        ...


def open_reader(
    settings: Settings, folder: Path | None = None, engine: Engine | None = None
) -> Reader:
    """A reader with the models of a release's folder, by default those that ship, and the engine of the settings.

    Raises ConfigurationError where the folder holds no models.
    """
    models = Models.load(folder or BUNDLED)
    return Reader(models, engine or open_engine(settings, models))


def draw(picture: Image, reading: Reading) -> Image:
    """A copy, RGB, with the card's outline, every line's, and the names of fields beside theirs."""
    from PIL import ImageDraw, ImageFont

    marked = picture.convert("RGB")
    pen = ImageDraw.Draw(marked)
    width = max(1, max(marked.size) // 500)
    font = ImageFont.load_default(max(10, max(marked.size) // 70))
    if reading.card is not None:
        pen.polygon(reading.card.quad.corners, outline=_CARD, width=2 * width)
    for line in reading.lines:
        pen.polygon(line.quad.corners, outline=_LINE, width=width)
    for one in reading.fields:
        if one.source == "printed":
            pen.polygon(one.quad.corners, outline=_FIELD, width=2 * width)
            x, y = one.quad.corners[3]
            pen.text((x, y), one.name, _FIELD, font)
    return marked
