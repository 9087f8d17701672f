"""Cards where people photograph them: on cluttered grounds, turned, in perspective, in bad light."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.data import degrade
from groundwork.classic.ocr.geometry import apply, homography, rectangle
from groundwork.classic.ocr.reading import Quad

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class View:
    """How the card lies: `angle` in degrees clockwise, `slant` how far corners move, as a share of the card's width,
    `fill` the share of the picture's shorter side that the card's longer side takes.
    """

    angle: float
    slant: float
    fill: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph, RGB. `quad` is the card's corners as a reader of the card sees them, from its upper left."""

    picture: Image
    quad: Quad
    view: View
    conditions: tuple[str, ...]


def any_view(rng: random.Random, *, most: float = 180.0) -> View:
    """Turned up to `most` degrees either way; half of the views in strong perspective."""
    slant = rng.uniform(0.0, 0.05) if rng.random() < 0.5 else rng.uniform(0.05, 0.17)
    return View(rng.uniform(-most, most), slant, rng.uniform(0.62, 1.02))


def conditions_of(view: View) -> list[str]:
    """The names under which a view is reported."""
    turned = abs((view.angle + 180) % 360 - 180)
    found = ["rotation up to 30" if turned <= 30 else "rotation beyond 30"]
    return [*found, "strong perspective" if view.slant > 0.08 else "mild perspective"]


def photograph(
    face: Image, view: View, size: tuple[int, int], rng: random.Random, *, hard: bool = True
) -> Scene:
    """The face in a picture of `size` (width, height). With `hard` off the light is even and the picture sharp."""
    from PIL import Image, ImageDraw

    corners = _corners(face.size, view, size, rng)
    ground = clutter(size, rng)
    matrix = tuple(homography(corners, rectangle(*face.size)).ravel()[:8])
    mask = Image.new("L", face.size, 0)
    round_by = int(min(face.size) * rng.choice([0.0, 0.03, 0.055]))
    ImageDraw.Draw(mask).rounded_rectangle((1, 1, face.width - 2, face.height - 2), round_by, 255)
    warp = Image.Transform.PERSPECTIVE
    laid = face.transform(size, warp, matrix, Image.Resampling.BICUBIC)
    where = mask.transform(size, warp, matrix, Image.Resampling.BILINEAR)
    _cast_shadow(ground, where, rng)
    ground.paste(laid, (0, 0), where)
    conditions = conditions_of(view)
    if hard:
        ground, done = light_and_lens(ground, rng)
        conditions += done
    a, b, c, d = corners
    return Scene(ground, Quad((a, b, c, d)), view, tuple(conditions))


def _corners(
    face: tuple[int, int], view: View, size: tuple[int, int], rng: random.Random
) -> list[tuple[float, float]]:
    """Where the card's corners are, all within the picture but where it fills it."""
    import numpy as np

    width, height = face
    longer = view.fill * min(size)
    scale = longer / max(width, height)
    half = np.array([width, height]) * scale / 2
    base = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    turn = math.radians(view.angle)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    moved = base @ spin.T
    moved += (
        np.array([[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(4)]) * view.slant * longer
    )
    low, high = moved.min(axis=0), moved.max(axis=0)
    # What would stick out is made smaller, then put anywhere where it fits.
    room = np.array(size) * 0.985
    moved *= min(1.0, float((room / (high - low)).min()))
    low, high = moved.min(axis=0), moved.max(axis=0)
    free = np.array(size) - (high - low)
    at = free * np.array([rng.random(), rng.random()]) - low
    return [(float(x), float(y)) for x, y in moved + at]


def clutter(size: tuple[int, int], rng: random.Random) -> Image:
    """A ground of some material with things on it."""
    import numpy as np
    from PIL import Image, ImageDraw

    width, height = size
    seed = np.random.default_rng(rng.getrandbits(32))
    coarse = (max(2, height // rng.randint(4, 90)), max(2, width // rng.randint(4, 90)), 3)
    spread = rng.choice([4, 15, 40])
    tone = np.array([rng.randint(15, 240) for _ in range(3)])
    field = np.clip(tone + seed.standard_normal(coarse) * spread, 0, 255).astype(np.uint8)
    ground = Image.fromarray(field).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(ground)
    if rng.random() < 0.35:
        _stripes(draw, size, rng)
    for _ in range(rng.choice([0, 0, 3, 8, 16])):
        _thing(draw, size, rng)
    return ground


def _stripes(draw: Any, size: tuple[int, int], rng: random.Random) -> None:
    step, lean = rng.randint(8, max(9, size[0] // 6)), rng.uniform(-1, 1)
    colour = tuple(rng.randint(0, 255) for _ in range(3))
    for x in range(-size[1], size[0] + size[1], step):
        draw.line(
            (x, 0, x + lean * size[1], size[1]), colour, max(1, int(step * rng.uniform(0.05, 0.5)))
        )


def _thing(draw: Any, size: tuple[int, int], rng: random.Random) -> None:
    x, y = rng.uniform(-0.1, 1) * size[0], rng.uniform(-0.1, 1) * size[1]
    wide, high = rng.uniform(0.03, 0.5) * size[0], rng.uniform(0.03, 0.5) * size[1]
    colour = tuple(rng.randint(0, 255) for _ in range(3))
    turn = rng.random()
    if turn < 0.3:
        draw.ellipse((x, y, x + wide, y + high), colour)
    elif turn < 0.75:
        lean = rng.uniform(-0.4, 0.4)
        draw.polygon(
            [
                (x, y),
                (x + wide, y + lean * wide),
                (x + wide - lean * high, y + lean * wide + high),
                (x - lean * high, y + high),
            ],
            colour,
        )
    else:
        # Rows as on a printed sheet.
        for n in range(rng.randint(3, 14)):
            at = y + n * size[1] * 0.02
            draw.line((x, at, x + wide * rng.uniform(0.5, 1), at), colour, max(1, size[1] // 160))


def _cast_shadow(ground: Image, where: Image, rng: random.Random) -> None:
    from PIL import Image, ImageFilter

    if rng.random() < 0.3:
        return
    reach = max(1, ground.width // 90)
    dark = where.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5) * reach)).point(
        lambda one: one // 2
    )
    ground.paste(
        Image.new("RGB", ground.size, (0, 0, 0)),
        (rng.randint(-reach, reach), rng.randint(0, reach)),
        dark,
    )


def light_and_lens(picture: Image, rng: random.Random) -> tuple[Image, list[str]]:
    """Uneven light, tint, blur, grain and compression, each now and then."""
    import numpy as np
    from PIL import Image, ImageFilter

    done = []
    pixels = np.asarray(picture, dtype=np.float32) / 255
    for name, share, effect in (("shadow", 0.25, degrade.shadow), ("glare", 0.25, degrade.glare)):
        if rng.random() < share:
            # One grey field for all colours: what the effect does to mid-grey.
            changed = effect(np.full(pixels.shape[:2], 0.5, np.float32), rng)
            if name == "glare":
                lift = np.clip((changed - 0.5) * 2, 0, 1)[..., None]
                pixels = pixels + (1 - pixels) * lift * 0.75
            else:
                pixels = pixels * (changed * 2)[..., None]
            done.append(name)
    if rng.random() < 0.3:
        pixels = pixels * np.array([rng.uniform(0.8, 1.1) for _ in range(3)], np.float32)
    if rng.random() < 0.2:
        pixels = pixels * rng.uniform(0.45, 0.8)
        done.append("dark")
    if rng.random() < 0.35:
        seed = np.random.default_rng(rng.getrandbits(32))
        grain = seed.standard_normal(pixels.shape[:2], dtype=np.float32)[..., None]
        pixels = pixels + grain * np.float32(rng.uniform(0.01, 0.06))
        done.append("noise")
    picture = Image.fromarray(np.clip(pixels * 255, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        picture = picture.filter(
            ImageFilter.GaussianBlur(rng.uniform(0.4, 1.1) * max(picture.size) / 1280)
        )
        done.append("blur")
    if rng.random() < 0.5:
        held = io.BytesIO()
        picture.save(held, "JPEG", quality=rng.randint(30, 85))
        picture = Image.open(held).convert("RGB")
        done.append("jpeg")
    return picture, done


def moved(
    scene: Scene, face: tuple[int, int], boxes: Sequence[tuple[float, float, float, float]]
) -> list[Quad]:
    """Rectangles of the face as quads of the scene."""
    matrix = homography(rectangle(*face), scene.quad.corners)
    found = []
    for left, top, right, bottom in boxes:
        points = apply(matrix, [(left, top), (right, top), (right, bottom), (left, bottom)])
        a, b, c, d = ((float(x), float(y)) for x, y in points)
        found.append(Quad((a, b, c, d)))
    return found
