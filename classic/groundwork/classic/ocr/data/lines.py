"""Single lines of text as pictures, with what was done to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.alphabet import readable
from groundwork.classic.ocr.data import degrade
from groundwork.classic.ocr.data.fonts import Face, FontBook, covers, opened
from groundwork.classic.ocr.data.texts import text_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.classic.ocr.data.degrade import Grey

# How often a line is of each use, and for each use how hard its lines are treated.
USES = (("card", 0.46), ("mrz", 0.1), ("receipt", 0.44))
HEIGHT = 32
WIDEST = 1024
_TRIES = 8
# Zones that are not printed in their own typeface.
_PLAIN_ZONES = 0.3


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A crop, (height, width) uint8, with its text and what it was made of. `conditions` are names, in order."""

    pixels: NDArray[np.uint8]
    text: str
    use: str
    family: str
    conditions: tuple[str, ...]


def draw_line(book: FontBook, rng: random.Random, use: str | None = None) -> DrawnLine:
    """A line at random; the same state of `rng` gives the same bytes with the same fonts."""
    use = use or rng.choices([name for name, _ in USES], [share for _, share in USES])[0]
    face, text = _subject(book, use, rng)
    ink = _ink(face, text, use, rng)
    grey, conditions = _photographed(ink, use, rng)
    return DrawnLine(_fitted(grey), text, use, face.family, tuple(conditions))


def lines(book: FontBook, seed: int, count: int) -> Iterator[DrawnLine]:
    """`count` lines; line n depends on the seed and n alone."""
    for number in range(count):
        yield draw_line(book, random.Random(f"{seed}:{book.split}:{number}"))


def _subject(book: FontBook, use: str, rng: random.Random) -> tuple[Face, str]:
    drawn_as = "mono" if use == "mrz" and rng.random() < _PLAIN_ZONES else use
    for _ in range(_TRIES):
        face = book.face(drawn_as, rng)
        text = readable(text_for(use, rng))
        if text and covers(face.path, text):
            return face, text
    # A face without accents: what it has of the text.
    plain = readable(text_for(use, rng).encode("ascii", "ignore").decode())
    return face, plain if plain and covers(face.path, plain) else "0"


def _ink(face: Face, text: str, use: str, rng: random.Random) -> Grey:
    """Ink in 0..1 of the text with the crop's own margins, tilt and stretch."""
    from PIL import Image, ImageDraw

    size = rng.randint(20, 44)
    font = opened(face.path, size)
    spacing: float = rng.choice([0, 0, 0, 0, rng.uniform(0.02, 0.22) * size])
    if use == "mrz":
        spacing = rng.choice([0, 0.05, 0.1, 0.15]) * size
    ascent, descent = font.getmetrics()
    length = font.getlength(text) + spacing * len(text)
    border = size
    mask = Image.new("L", (int(length) + 2 * border, ascent + descent + 2 * border))
    draw = ImageDraw.Draw(mask)
    if spacing:
        at = float(border)
        for one in text:
            draw.text((at, border), one, 255, font)
            at += font.getlength(one) + spacing
    else:
        draw.text((border, border), text, 255, font)
    box = mask.getbbox() or (border, border, border + size, border + size)
    _surroundings(mask, draw, box, rng)
    return degrade.to_grey(_crop(mask, box, (border, ascent, size), rng))


def _surroundings(mask: Any, draw: Any, box: tuple[int, int, int, int], rng: random.Random) -> None:
    """Rules under the text, boxes around it, and parts of the lines above and below."""
    left, top, right, bottom = box
    turn = rng.random()
    if turn < 0.05:
        y = bottom + rng.randint(1, 4)
        draw.line((left - 9, y, right + 9, y), rng.randint(120, 255), rng.randint(1, 2))
    elif turn < 0.1:
        x = rng.choice([left - rng.randint(3, 8), right + rng.randint(3, 8)])
        draw.line((x, 0, x, mask.height), rng.randint(120, 255), rng.randint(1, 2))
    elif turn < 0.22:
        high = bottom - top
        part = mask.crop((left, top, right, bottom))
        shift = rng.randint(-high, high)
        y = rng.choice([bottom + rng.randint(2, 5), top - high - rng.randint(2, 5)])
        mask.paste(part, (left + shift, y))


def _crop(
    mask: Any, box: tuple[int, int, int, int], metrics: tuple[int, int, int], rng: random.Random
) -> Any:
    """The part around the text, tilted, sheared and stretched a little, about `HEIGHT` high or larger."""
    from PIL import Image

    border, ascent, size = metrics
    left, top, right, bottom = box
    if rng.random() < 0.4 or bottom - top < 0.35 * size:
        # As a detector crops: from ascender to descender, whatever the letters are.
        top, bottom = (
            min(top, border + int(0.22 * ascent)),
            max(bottom, border + ascent + size // 6),
        )
    high = bottom - top
    above, below = rng.uniform(-0.02, 0.22) * high, rng.uniform(-0.02, 0.22) * high
    before, after = rng.uniform(0, 0.5) * high, rng.uniform(0, 0.5) * high
    across, down = right - left + before + after, high + above + below
    tall = rng.randint(24, 44)
    stretch = rng.uniform(0.8, 1.25)
    shape = (max(8, int(across * tall / down * stretch)), tall)
    scale_x, scale_y = across / shape[0], down / shape[1]
    # Of the ends against each other, so that long lines are not turned out of the crop.
    tilt = rng.gauss(0, 0.045) * down / across if rng.random() < 0.6 else 0.0
    shear = rng.gauss(0, 0.07) if rng.random() < 0.4 else 0.0
    middle_x, middle_y = shape[0] / 2, shape[1] / 2
    x0, y0 = left - before + across / 2, top - above + down / 2
    matrix = (
        scale_x, shear * scale_y, x0 - scale_x * middle_x - shear * scale_y * middle_y,
        tilt * scale_x, scale_y, y0 - tilt * scale_x * middle_x - scale_y * middle_y,
    )  # fmt: skip
    if scale_y > 1.6:
        return mask.transform(
            (shape[0] * 2, shape[1] * 2),
            Image.Transform.AFFINE,
            tuple(one / 2 if n % 3 != 2 else one for n, one in enumerate(matrix)),
            Image.Resampling.BILINEAR,
        ).reduce(2)
    return mask.transform(shape, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _photographed(ink: Grey, use: str, rng: random.Random) -> tuple[Grey, list[str]]:
    """Ink on paper, taken with a camera or scanner; with the names of what was done."""
    import numpy as np

    hard = use == "receipt"
    done: list[str] = []
    for name, share, effect in (
        ("dots", 0.2 if hard else 0.02, degrade.dots),
        ("fade", 0.3 if hard else 0.08, degrade.fade),
    ):
        if rng.random() < share:
            ink, done = effect(ink, rng), [*done, name]
    ground = (
        degrade.paper(ink.shape, rng)
        if not hard or rng.random() < 0.4
        else np.full(ink.shape, rng.uniform(0.75, 1), np.float32)
    )
    tone = rng.uniform(0.0, max(0.05, float(ground.mean()) - rng.choice([0.25, 0.4, 0.5])))
    grey = np.asarray(ground + (tone - ground) * ink, dtype=np.float32)
    effects = (
        ("jpeg", 0.2, degrade.jpeg), ("shadow", 0.12, degrade.shadow), ("glare", 0.12, degrade.glare),
        ("low resolution", 0.25 if hard else 0.15, degrade.low_resolution), ("blur", 0.35, partial(degrade.blur, most=1.2 if hard else 1.6)),
        ("threshold", 0.15 if hard else 0.02, degrade.threshold), ("noise", 0.35, degrade.noise),
    )  # fmt: skip
    for name, share, treat in effects[::-1] if rng.random() < 0.2 else effects[1:] + effects[:1]:
        if rng.random() < share:
            grey = treat(grey, rng)
            done.append(name)
    if rng.random() < 0.06:
        grey, done = 1 - grey, [*done, "inverted"]
    return grey, done


def _fitted(grey: Grey) -> NDArray[np.uint8]:
    """Scaled to `HEIGHT`, as the recogniser takes it."""
    import numpy as np

    return fitted(np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8))


def fitted(pixels: NDArray[np.uint8], stretch: float = 1.0) -> NDArray[np.uint8]:
    """A crop, (height, width), scaled to (`HEIGHT`, at most `WIDEST`); keeps its proportions times `stretch`."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape
    wide = min(WIDEST, max(8, round(width * HEIGHT / height * stretch)))
    if (height, width) == (HEIGHT, wide):
        return pixels
    # Reducing in two steps keeps thin strokes; Pillow's filters do it in one.
    return np.asarray(Image.fromarray(pixels).resize((wide, HEIGHT), Image.Resampling.BILINEAR))
