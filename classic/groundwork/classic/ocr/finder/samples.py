"""What the finders learn from: small scenes with the card's mask, straight cards with their lines; drawn into shards."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.data import degrade
from groundwork.classic.ocr.data.cards.face import Face, draw_face
from groundwork.classic.ocr.data.cards.layouts import PAGES
from groundwork.classic.ocr.data.cards.scenes import any_view, clutter, light_and_lens, photograph
from groundwork.classic.ocr.data.fonts import FontBook
from groundwork.classic.ocr.finder.network import REACH, SIDE, STRIDE
from groundwork.classic.ocr.geometry import apply, homography, rectangle
from groundwork.classic.ocr.reading import Corner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Crops of straight cards that the liner learns from, (width, height).
CROP = (480, 320)
# The longer side of a straight card when its lines are looked for.
STRAIGHT = 704
_PAGES = 0.2
# Masks are kept finer than they are learned.
_FINE = 2


@dataclass(frozen=True, slots=True)
class FinderPool:
    """`count` shards of `size` samples for the `locator` or the `liner`."""

    kind: str
    folder: Path
    seed: int
    count: int
    size: int = 256

    def path(self, number: int) -> Path:
        """Where a shard is, or will be."""
        return self.folder / f"{self.kind}-{self.seed}-{number:04}.npz"

    def draw(self, number: int, book: FontBook) -> None:
        """Draw a shard, if it is not there."""
        import numpy as np

        path = self.path(number)
        if path.exists():
            return
        rng = random.Random(f"{self.kind}:{self.seed}:{book.split}:{number}")
        # A face serves in several scenes: drawing faces costs the most.
        faces = [any_face(book, rng) for _ in range(self.size // 4)]
        make = locator_sample if self.kind == "locator" else liner_sample
        drawn = [make(rng.choice(faces), rng) for _ in range(self.size)]
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new.npz")
        np.savez(
            temporary,
            pictures=np.stack([one for one, _ in drawn]),
            targets=np.stack([one for _, one in drawn]),
        )
        temporary.replace(path)

    def wait(self, number: int, patience_s: float = 600.0) -> tuple[Any, Any]:
        """The shard's pictures and targets, once another process has drawn it. Raises TimeoutError."""
        import numpy as np

        until = time.monotonic() + patience_s
        while not self.path(number).exists():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.path(number)} was not drawn within {patience_s:g} s")
            time.sleep(0.2)
        with np.load(self.path(number)) as held:
            return held["pictures"], held["targets"]


def draw_all(pool: FinderPool, split: str) -> None:
    """Draw every shard of the pool; the entry of the drawing process."""
    book = FontBook.find(split)
    # The last is what is measured on, so it is wanted first.
    for number in (pool.count - 1, *range(pool.count - 1)):
        pool.draw(number, book)


def any_face(book: FontBook, rng: random.Random) -> Face:
    """A card, or now and then a page."""
    page = rng.random() < _PAGES
    return draw_face(book, rng, rng.choice(PAGES).__name__ if page else None)


def locator_sample(face: Face, rng: random.Random) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture, (224, 224, 3), and how much of each 2 by 2 pixels is card, (112, 112), in 0..255."""
    import numpy as np
    from PIL import Image

    size = _within(rng)
    corners: Sequence[Corner]
    turn = rng.random()
    if turn < 0.05:
        picture, _ = light_and_lens(clutter(size, rng), rng)
        corners = ()
    elif turn < 0.11:
        # The card is all there is, as a scanner leaves it.
        picture, _ = light_and_lens(face.picture.resize(size, Image.Resampling.BOX), rng)
        corners = rectangle(*size)
    else:
        # Twice as large and halved, now and then: neither too sharp nor too soft is to be relied on.
        fine = 2 if rng.random() < 0.5 else 1
        small = face.picture.reduce(max(1, max(face.picture.size) // (450 * fine)))
        scene = photograph(small, any_view(rng), (size[0] * fine, size[1] * fine), rng)
        picture = scene.picture.reduce(fine) if fine > 1 else scene.picture
        corners = [(x / fine, y / fine) for x, y in scene.quad.corners]
    canvas = Image.new("RGB", (SIDE, SIDE))
    canvas.paste(picture, (0, 0))
    return np.asarray(canvas), filled(corners, SIDE, _FINE)


def _within(rng: random.Random) -> tuple[int, int]:
    """A picture's size with its longer side `SIDE`."""
    shorter = rng.choice([SIDE, SIDE * 3 // 4, SIDE * 3 // 4, SIDE * 2 // 3, SIDE * 9 // 16])
    return (SIDE, shorter) if rng.random() < 0.5 else (shorter, SIDE)


def filled(corners: Sequence[Corner], side: int, stride: int) -> NDArray[np.uint8]:
    """The polygon's share of every cell, (side / stride, side / stride), in 0..255."""
    import numpy as np
    from PIL import Image, ImageDraw

    fine = Image.new("L", (side * 2, side * 2))
    if corners:
        ImageDraw.Draw(fine).polygon([(2 * x, 2 * y) for x, y in corners], fill=255)
    return np.asarray(fine.reduce(2 * stride))


def liner_sample(face: Face, rng: random.Random) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """A crop of a nearly straight card, (320, 480), and its targets, (3, 80, 120): core, up and down."""
    from PIL import Image

    picture = face.picture.convert("L")
    width, height = picture.size
    # How large the card would be when straight, with some room for other sizes.
    longer = (
        STRAIGHT * rng.uniform(0.75, 1.3) * (1.5 if height > 1.2 * width and height > 1000 else 1.0)
    )
    scale = longer / max(width, height)
    # Seen again through a camera: what is straightened has lost sharpness, more or less.
    seen = scale * rng.uniform(0.8, 2.0)
    if seen < 1:
        picture = picture.resize((int(width * seen), int(height * seen)), Image.Resampling.BILINEAR)
    jitter = longer * 0.012
    left, top = (
        rng.uniform(-40, max(-39.0, width * scale - CROP[0] + 40)),
        rng.uniform(-40, max(-39.0, height * scale - CROP[1] + 40)),
    )
    lean = rng.gauss(0, 0.012)
    target = [(x * width * scale - left + rng.gauss(0, jitter), y * height * scale - top + lean * x * width * scale + rng.gauss(0, jitter))
              for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]  # fmt: skip
    matrix = homography(target, rectangle(*picture.size))
    flat = picture.transform(
        CROP,
        Image.Transform.PERSPECTIVE,
        tuple(matrix.ravel()[:8]),
        Image.Resampling.BICUBIC,
        fillcolor=rng.randint(0, 255),
    )
    forward = homography(rectangle(width, height), target)
    quads = [apply(forward, _around(one.box)) for one in face.lines]
    return _taken(flat, rng), line_targets(quads, CROP)


def _around(box: tuple[float, float, float, float]) -> list[Corner]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _taken(flat: Image, rng: random.Random) -> NDArray[np.uint8]:
    import numpy as np

    grey = degrade.to_grey(flat)
    for share, effect in (
        (0.25, degrade.shadow),
        (0.2, degrade.glare),
        (0.3, degrade.blur),
        (0.35, degrade.noise),
        (0.25, degrade.jpeg),
    ):
        if rng.random() < share:
            grey = effect(grey, rng)
    if rng.random() < 0.15:
        grey = grey * rng.uniform(0.4, 0.8)
    return np.asarray(degrade.to_image(grey))


def line_targets(quads: Sequence[Any], size: tuple[int, int]) -> NDArray[np.float16]:
    """(3, height / 4, width / 4): 1 within the middle half of a line; how far it reaches up and down, by `REACH`."""
    import numpy as np

    wide, high = size[0] // STRIDE, size[1] // STRIDE
    targets = np.zeros((3, high, wide), dtype=np.float16)
    ys, xs = np.mgrid[0:high, 0:wide] * STRIDE + STRIDE / 2
    for quad in quads:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
        if bx - ax < 2:
            continue
        rows = slice(max(0, int(min(ay, by) // STRIDE)), max(0, int(max(cy, dy) // STRIDE) + 1))
        columns = slice(max(0, int(min(ax, dx) // STRIDE)), max(0, int(max(bx, cx) // STRIDE) + 1))
        x, y = xs[rows, columns], ys[rows, columns]
        share = (x - ax) / (bx - ax)
        upper, lower = ay + share * (by - ay), dy + share * (cy - dy)
        tall = np.maximum(lower - upper, 1)
        # At least one row of cells is core, however small the print.
        half = np.maximum(0.25 * tall, STRIDE * 0.5)
        core = (np.abs(y - (upper + lower) / 2) <= half) & (share >= 0) & (share <= 1)
        for channel, value in enumerate(
            (np.ones_like(y), (y - upper) / REACH, (lower - y) / REACH)
        ):
            targets[channel, rows, columns][core] = value[core]
    return targets
