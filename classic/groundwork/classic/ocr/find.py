"""Where the card is, and where its lines are: what the two U-Nets' answers mean."""

from __future__ import annotations

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
# How alike a mask and the figure fitted to it are, at least.
_SHAPELY = 0.8
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
    """The card in an RGB picture, or None."""
    import numpy as np
    from PIL import Image

    scale = _SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    canvas = Image.new("RGB", (_SIDE, _SIDE))
    small = picture
    if max(picture.size) > 4 * _SIDE:
        small = picture.reduce(max(picture.size) // (2 * _SIDE))
    canvas.paste(small.resize(size, Image.Resampling.BILINEAR), (0, 0))
    pixels = np.asarray(canvas, dtype=np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    odds = models.locate(pixels)[0, 0]
    mask = (1 / (1 + np.exp(-odds))).astype(np.float32)
    # Beyond the picture's edge there is nothing, whatever the network says of it.
    wide, high = -(-size[0] // _MASK_STRIDE), -(-size[1] // _MASK_STRIDE)
    mask[high:], mask[:, wide:] = 0, 0
    return _located(mask, _MASK_STRIDE / scale, (size[0] / scale, size[1] / scale))


def _located(mask: NDArray[np.float32], unit: float, size: tuple[float, float]) -> Located | None:
    import numpy as np

    four = geometry.quad_of(mask)
    if four is None:
        return None
    covered = abs(geometry.area(four))
    if covered < _LEAST * (size[0] / unit) * (size[1] / unit):
        return None
    inside = float(mask[mask > 0.5].sum())
    alike = min(covered, inside) / max(covered, inside, 1e-6)
    sure = float(np.mean(np.abs(mask[(mask > 0.02)] - 0.5))) * 2 * alike
    if alike < _SHAPELY:
        return None
    a, b, c, d = (_within((x * unit, y * unit), size) for x, y in four)
    return Located(Quad((a, b, c, d)), min(1.0, sure))


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
    return level and -0.3 * one < gap < 0.45 * max(one, two) and 0.6 < one / max(two, 1e-6) < 1.67
