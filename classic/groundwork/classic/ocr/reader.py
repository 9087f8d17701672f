"""The steps from a picture to a reading: find the card, straighten it, find its lines, turn it upright, read, understand."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.classic.ocr import geometry
from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.fields import Placed, understood
from groundwork.classic.ocr.find import Row, find_rows, locate
from groundwork.classic.ocr.model import Models
from groundwork.classic.ocr.reading import Card, Line, Quad, Reading
from groundwork.classic.ocr.recogniser.decode import Decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# The longer side of what is straightened, for cards and for pages.
_CARD, _PAGE = 704, 1056
# Cards are no longer than this; what is longer is a receipt or a page.
_CARD_RATIO = 1.9
# A few lines tell which way is up; reading them this surely settles it.
_WITNESSES = 6
_SETTLED = 0.85
_HEIGHT = 32
_MARGIN_ACROSS, _MARGIN_ALONG = 0.1, 0.22
_WIDEST = 1600


@dataclass(frozen=True, slots=True)
class _Straight:
    """A straightened picture in one of its four turns: `quad` is its rim in the original, `rows` its lines."""

    quad: Quad
    size: tuple[int, int]
    rows: list[Row]


class _Source:
    """A grey picture with its reductions, each made once: every line is cut out of one of them."""

    def __init__(self, picture: Image) -> None:
        self._levels = {1: picture.convert("L")}

    def cut(self, quad: Quad, size: tuple[int, int]) -> Image:
        """What the quad shows, at a size."""
        top, right, bottom, left = geometry.edge_lengths(quad)
        much = max(min(max(top, bottom) / size[0], max(left, right) / size[1]), 1.0)
        factor = 1 << int(math.log2(much / 1.25)) if much >= 2.5 else 1
        if factor not in self._levels:
            self._levels[factor] = self._levels[1].reduce(factor)
        corners = tuple((x / factor, y / factor) for x, y in quad.corners)
        a, b, c, d = corners
        return geometry.straightened(self._levels[factor], Quad((a, b, c, d)), size)


class Reader:
    """Reads pictures with one release's models and one engine. Safe to call from several threads."""

    def __init__(self, models: Models, engine: Engine) -> None:
        self._models = models
        self._engine = engine
        self.engine = engine.name
        self.release = models.release

    @property
    def lines_engine(self) -> Engine:
        """What reads the lines."""
        return self._engine

    def read(self, picture: Image, *, find_card: bool = True) -> Reading:
        """See `predict.PictureReader`."""
        clock = _Clock()
        rgb = picture.convert("RGB")
        located = locate(rgb, self._models) if find_card else None
        clock.lap("locate")
        source = _Source(rgb)
        whole = Quad(geometry.rectangle(*rgb.size))
        straight = self._upright(source, located.quad if located else whole)
        clock.lap("find_lines")
        decoded = self._engine.read(self._crops(source, straight, straight.rows))
        clock.lap("read")
        placed = _placed(straight, decoded)
        fields, zone = understood(placed)
        clock.lap("understand")
        card = None
        if located is not None:
            card = Card(straight.quad, _rotation(straight.quad), located.confidence)
        return Reading(
            *rgb.size, card, tuple(one.line for one in placed), fields, zone, self.engine, self.release, clock.laps
        )  # fmt: skip

    def read_many(self, pictures: Sequence[Image], *, find_card: bool = True) -> list[Reading]:
        """See `predict.PictureReader`."""
        return [self.read(one, find_card=find_card) for one in pictures]

    def warm(self, picture: Image) -> None:
        """Open every network and run it once. Raises ConfigurationError where one cannot be opened."""
        import numpy as np

        locate(picture.convert("RGB"), self._models)
        find_rows(picture.convert("L").resize((96, 64)), self._models)
        self._models.recognise(np.zeros((1, 1, _HEIGHT, 64), dtype=np.float32))

    def _upright(self, source: _Source, quad: Quad) -> _Straight:
        """Of the four ways to turn it the one whose lines are read most surely; the likely ones are tried first."""
        top, right, bottom, left = geometry.edge_lengths(quad)
        wide = top + bottom >= left + right
        ratio = max(top + bottom, left + right) / max(1.0, min(top + bottom, left + right))
        # Cards mostly lie on their longer side, pages stand as they were taken.
        first = 0 if wide or ratio > _CARD_RATIO else 1
        found: list[tuple[float, _Straight]] = []
        for axis in (first, 1 - first):
            found += self._both_ways(source, geometry.turned(quad, axis))
            if max(sure for sure, _ in found) >= _SETTLED:
                break
        return max(found, key=lambda one: one[0])[1]

    def _both_ways(self, source: _Source, quad: Quad) -> list[tuple[float, _Straight]]:
        """The quad as it is and upside down, each with how surely a few of its lines are read."""
        found = []
        for quarters in (0, 2):
            turned = geometry.turned(quad, quarters)
            size = _size(turned)
            rows = find_rows(source.cut(turned, size), self._models)
            straight = _Straight(turned, size, rows)
            found.append((self._sureness(source, straight), straight))
            # Upright and read without doubt: the other way need not be tried.
            if found[0][0] >= 0.97:
                break
        return found

    def _sureness(self, source: _Source, straight: _Straight) -> float:
        """How surely a few lines of middling length are read; 0 without lines.

        Lines of print that lies on its side are found as scraps of one or two letters, which any model is sure of: the
        fewer letters there are, the less it counts.
        """

        def fit(row: Row) -> float:
            long, tall = row.box.right - row.box.left, row.box.bottom - row.box.top
            return abs(math.log(max(1.0, long) / max(1.0, tall) / 8))

        rows = sorted(straight.rows, key=fit)[:_WITNESSES]
        read = self._engine.read(self._crops(source, straight, rows)) if rows else []
        total = sum(len(one.text) for one in read)
        if not total:
            return 0.0
        sure = sum(one.confidence * len(one.text) for one in read) / total
        return sure * (1 - math.exp(-total / len(read) / 2))

    def _crops(
        self, source: _Source, straight: _Straight, rows: Sequence[Row]
    ) -> list[NDArray[np.uint8]]:
        import numpy as np

        matrix = geometry.homography(geometry.rectangle(*straight.size), straight.quad.corners)
        crops = []
        for row in rows:
            padded = _padded(row.quad)
            a, b, c, d = ((float(x), float(y)) for x, y in geometry.apply(matrix, padded.corners))
            quad = Quad((a, b, c, d))
            top, right, _, left = geometry.edge_lengths(padded)
            tall = max(1.0, (left + right) / 2)
            wide = min(_WIDEST, max(8, round(top * _HEIGHT / tall)))
            crops.append(np.asarray(source.cut(quad, (wide, _HEIGHT))))
        return crops


def _padded(quad: Quad) -> Quad:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.corners
    tall = (dy - ay + cy - by) / 2
    across, along = _MARGIN_ACROSS * tall, _MARGIN_ALONG * tall
    return Quad(
        (
            (ax - along, ay - across),
            (bx + along, by - across),
            (cx + along, cy + across),
            (dx - along, dy + across),
        )
    )


def _size(quad: Quad) -> tuple[int, int]:
    """How large to straighten it: sides multiples of 32, the longer as the lines' finder was trained."""
    top, right, bottom, left = geometry.edge_lengths(quad)
    wide, high = max(top, bottom, 1.0), max(left, right, 1.0)
    page = high / wide > _CARD_RATIO or (high > 1.15 * wide and high > 1000)
    scale = (_PAGE if page else _CARD) / max(wide, high)
    return max(32, round(wide * scale / 32) * 32), max(32, round(high * scale / 32) * 32)


def _placed(straight: _Straight, decoded: Sequence[Decoded]) -> list[Placed]:
    """Lines that say something, in reading order, with their corners in the picture."""
    matrix = geometry.homography(geometry.rectangle(*straight.size), straight.quad.corners)
    found = []
    for row, read in zip(straight.rows, decoded, strict=True):
        if not read.text:
            continue
        a, b, c, d = ((float(x), float(y)) for x, y in geometry.apply(matrix, row.quad.corners))
        line = Line(read.text, read.confidence, Quad((a, b, c, d)), read.probabilities)
        found.append(Placed(line, row.box))
    return found


def _rotation(quad: Quad) -> float:
    """Degrees clockwise by which the upper edge is turned, 0..360."""
    (ax, ay), (bx, by) = quad.corners[0], quad.corners[1]
    return math.degrees(math.atan2(by - ay, bx - ax)) % 360


class _Clock:
    def __init__(self) -> None:
        self._at = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Milliseconds since the last lap."""
        now = time.perf_counter()
        self.laps[name] = 1000 * (now - self._at)
        self._at = now
