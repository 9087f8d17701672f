"""Which parts of each line decided what was read: parts are covered in turn, and what that costs in certainty is drawn.

For ours as for any engine: it asks the engine again and needs to know nothing of how it works.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from groundwork.classic.ocr import geometry
from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.reading import Line, Quad, Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Lines that are looked at, the first ones; each costs as many readings as it has parts.
MOST_LINES = 24
_HEIGHT = 32
_PART = 16
_HOT = (220, 30, 30)


def saliency(picture: Image, reading: Reading, engine: Engine) -> Image:
    """A grey copy of the picture with what mattered in red; the redder, the more certainty went with it."""
    from PIL import Image, ImageDraw

    base = picture.convert("L").convert("RGB")
    heat = Image.new("L", base.size)
    pen = ImageDraw.Draw(heat)
    for line in reading.lines[:MOST_LINES]:
        weights = _weights(picture, line, engine)
        for n, weight in enumerate(weights):
            part = _part(line.quad, n / len(weights), (n + 1) / len(weights))
            pen.polygon(part.corners, fill=round(200 * weight))
    red = Image.new("RGB", base.size, _HOT)
    return Image.composite(red, base, heat)


def _weights(picture: Image, line: Line, engine: Engine) -> list[float]:
    """0..1 by part of the line, from its left."""
    import numpy as np

    top, right, _, left = geometry.edge_lengths(line.quad)
    wide = max(_PART, round(top * _HEIGHT / max(1.0, (left + right) / 2)))
    crop = np.asarray(geometry.straightened(picture.convert("L"), line.quad, (wide, _HEIGHT)))
    parts = max(1, wide // _PART)
    covered = [_covered(crop, n) for n in range(parts)]
    whole, *others = engine.read([crop, *covered])
    sure = _certainty(whole.text, whole.confidence)
    lost = [max(0.0, sure - _certainty(one.text, one.confidence, whole.text)) for one in others]
    most = max(lost, default=0.0)
    return [one / most if most > 0 else 0.0 for one in lost]


def _covered(crop: NDArray[np.uint8], part: int) -> NDArray[np.uint8]:
    import numpy as np

    copy = crop.copy()
    copy[:, part * _PART : (part + 1) * _PART] = np.uint8(np.median(crop))
    return copy


def _certainty(text: str, confidence: float, wanted: str | None = None) -> float:
    """The confidence, less where other words are read than without the cover."""
    if wanted is None or text == wanted:
        return confidence
    same = sum(a == b for a, b in zip(text, wanted, strict=False))
    share = same / max(1, len(text), len(wanted))
    return confidence * share if math.isfinite(confidence) else 0.0


def _part(quad: Quad, start: float, end: float) -> Quad:
    a, b, c, d = quad.corners

    def along(p: tuple[float, float], q: tuple[float, float], t: float) -> tuple[float, float]:
        return p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t

    return Quad((along(a, b, start), along(a, b, end), along(d, c, end), along(d, c, start)))
