"""Where the card is, and where its lines are: what the two U-Nets' answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr import geometry
from groundwork.classic.ocr.model import Models
from groundwork.classic.ocr.reading import Box, Corner, Quad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# As in training; see `finder.network`, which needs torch.
_SIDE, _MASK_STRIDE, _LINE_STRIDE, _REACH = 224, 4, 4, 8.0
# A card takes at least this share of the picture, or it is none.
_LEAST = 0.015
# How well the figure fits the mask, at least.
_SHAPELY = 0.72
# Below this fit the picture is looked at in other colours too; what only those show has to fit so well.
_SURE, _LATER = 0.9, 0.8
# What is left around the card when it is looked at again, as a share of its longer side.
_AROUND = 0.18
_CORE = 0.5


@dataclass(frozen=True, slots=True)
class Located:
    """A card's corners in the picture, from the one nearest to the picture's upper left, and how sure it is, 0..1."""

    quad: Quad
    confidence: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of print on a straight picture: its corners and the box around it, in that picture's pixels."""

    quad: Quad
    box: Box
    confidence: float


def locate(picture: Image, models: Models) -> Located | None:
    """The card in an RGB picture, or None.

    A card in the colours of what it lies on is told from it in others: where the first look is unsure, the best of four counts.
    """
    first = _twice(picture, models)
    if first is not None and first.confidence >= _SURE:
        return first
    least = _LATER if first is None else first.confidence
    others = (_twice(one, models) for one in _recoloured(picture))
    better = [one for one in others if one is not None and one.confidence > least]
    return max(better, key=lambda one: one.confidence, default=first)


def _recoloured(picture: Image) -> Iterator[Image]:
    """With all the contrast that there is, and with the channels exchanged."""
    from PIL import Image, ImageOps

    yield ImageOps.autocontrast(picture, cutoff=1)
    red, green, blue = picture.split()
    yield Image.merge("RGB", (blue, red, green))
    yield Image.merge("RGB", (green, blue, red))


def _twice(picture: Image, models: Models) -> Located | None:
    """What is found is looked at again from near, and the better fit counts."""
    found = _look(picture, models)
    if found is None:
        return None
    box, around = found.quad.box, _AROUND * max(geometry.edge_lengths(found.quad))
    left, top = max(0, int(box.left - around)), max(0, int(box.top - around))
    right, bottom = (
        min(picture.width, int(box.right + around)),
        min(picture.height, int(box.bottom + around)),
    )
    if (right - left) * (bottom - top) > 0.8 * picture.width * picture.height:
        return found
    again = _look(picture.crop((left, top, right, bottom)), models)
    if again is None or again.confidence < found.confidence:
        return found
    a, b, c, d = ((x + left, y + top) for x, y in again.quad.corners)
    return Located(Quad((a, b, c, d)), again.confidence)


def _look(picture: Image, models: Models) -> Located | None:
    import numpy as np
    from PIL import Image

    scale = _SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    canvas = Image.new("RGB", (_SIDE, _SIDE))
    small = picture
    if max(picture.size) > 4 * _SIDE:
        small = picture.reduce(max(picture.size) // (2 * _SIDE))
    canvas.paste(small.resize(size, Image.Resampling.BILINEAR), (0, 0))
    pixels = np.asarray(canvas, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
    # A card in a mirror is a card: four views are seen as one, which is surer than any of them.
    views = np.stack([pixels, pixels[:, :, ::-1], pixels[:, ::-1], pixels[:, ::-1, ::-1]])
    one, two, three, four = models.locate(np.ascontiguousarray(views))[:, 0]
    odds = (one + two[:, ::-1] + three[::-1] + four[::-1, ::-1]) / 4
    mask = (1 / (1 + np.exp(-odds))).astype(np.float32)
    # Beyond the picture's edge there is nothing, whatever the network says of it.
    wide, high = -(-size[0] // _MASK_STRIDE), -(-size[1] // _MASK_STRIDE)
    mask[high:], mask[:, wide:] = 0, 0
    return _located(mask, _MASK_STRIDE / scale, (size[0] / scale, size[1] / scale))


def _located(mask: NDArray[np.float32], unit: float, size: tuple[float, float]) -> Located | None:
    found = geometry.quad_of(mask)
    if found is None:
        return None
    four, fit = found
    covered = abs(geometry.area(four))
    if fit < _SHAPELY or covered < _LEAST * (size[0] / unit) * (size[1] / unit):
        return None
    a, b, c, d = (_within((x * unit, y * unit), size) for x, y in four)
    return Located(Quad((a, b, c, d)), fit)


def _within(corner: Corner, size: tuple[float, float]) -> Corner:
    """A corner may lie a little outside the picture, no more."""
    x, y = corner
    return min(max(x, -0.1 * size[0]), 1.1 * size[0]), min(max(y, -0.1 * size[1]), 1.1 * size[1])


def find_rows(straight: Image, models: Models) -> list[Row]:
    """The lines of a straight picture (mode L, sides multiples of 32), from above, then from the left."""
    import numpy as np
    from scipy import ndimage

    pixels = np.asarray(straight, dtype=np.float32)
    standard = (pixels - pixels.mean()) / (pixels.std() + 4.0)
    found = models.find_lines(standard[None, None].astype(np.float32))[0]
    sure = 1 / (1 + np.exp(-found[0]))
    parts, _ = ndimage.label(sure > _CORE, structure=np.ones((3, 3)))
    rows = []
    for number, where in enumerate(ndimage.find_objects(parts), start=1):
        ys, xs = np.nonzero(parts[where] == number)
        row = _row(found, sure, ys + where[0].start, xs + where[1].start)
        if row is not None:
            rows.append(row)
    return _joined(sorted(rows, key=lambda one: (one.box.top, one.box.left)))


def _row(found: Any, sure: Any, ys: Any, xs: Any) -> Row | None:
    """A component as a line: straight edges through what its cells say of their distance to them."""
    import numpy as np

    if len(xs) < 2:
        return None
    x = xs * _LINE_STRIDE + _LINE_STRIDE / 2
    y = ys * _LINE_STRIDE + _LINE_STRIDE / 2
    up, down = found[1, ys, xs] * _REACH, found[2, ys, xs] * _REACH
    left, right = float(xs.min()) * _LINE_STRIDE, float(xs.max() + 1) * _LINE_STRIDE
    tall = float(np.median(up + down))
    if tall < 3:
        return None
    upper, lower = (
        _edge(x, y - up, right - left > 4 * tall),
        _edge(x, y + down, right - left > 4 * tall),
    )
    middle = [(upper(at) + lower(at)) / 2 for at in (left, right)]
    half = float(np.median((down + up) / 2))
    a, b = (left, middle[0] - half), (right, middle[1] - half)
    c, d = (right, middle[1] + half), (left, middle[0] + half)
    quad = Quad((a, b, c, d))
    return Row(quad, quad.box, float(sure[ys, xs].mean()))


def _edge(x: Any, y: Any, sloped: bool) -> Any:
    """A function of x: a line through the points by least squares, or their median height."""
    import numpy as np

    if not sloped:
        level = float(np.median(y))
        return lambda _: level
    slope, level = np.polyfit(x, y, 1)
    return lambda at: float(slope * at + level)


def _joined(rows: list[Row]) -> list[Row]:
    """Pieces of one line, which stand a letter apart at most, as one."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda one: one.box.left):
        for n, former in enumerate(kept):
            if _same_line(former, row):
                (a, _, _, d), (_, b, c, _) = former.quad.corners, row.quad.corners
                quad = Quad((a, b, c, d))
                kept[n] = Row(quad, quad.box, min(former.confidence, row.confidence))
                break
        else:
            kept.append(row)
    return sorted(kept, key=lambda one: (one.box.top, one.box.left))


def _same_line(former: Row, row: Row) -> bool:
    (_, b, c, _), (a, _, _, d) = former.quad.corners, row.quad.corners
    one, two = c[1] - b[1], d[1] - a[1]
    gap = a[0] - b[0]
    level = abs((b[1] + c[1]) / 2 - (a[1] + d[1]) / 2) < 0.3 * max(one, two)
    return level and -0.3 * one < gap < 0.6 * max(one, two) and 0.6 < one / max(two, 1e-6) < 1.67
