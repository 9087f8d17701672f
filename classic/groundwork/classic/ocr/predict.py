"""Reading a picture: find the card, straighten it, find its lines, read them, and say what they mean.

reader = open_reader(settings)          # once; loads nothing until the first picture
reading = reader.read(picture)          # a Pillow picture; see `reading.Reading`
marked = draw(picture, reading)         # a copy with boxes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from groundwork.classic.ocr.reading import Box, Card, Corner, Field, Line, Quad, Reading, Zone

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Box", "Card", "Corner", "Field", "Line", "PictureReader", "Quad", "Reading", "Zone"]


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
