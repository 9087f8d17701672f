"""What happens to print between the press and the file: each a function of a grey picture in 0..1, (height, width) float32.

Every effect says in its name the condition it stands for in the evaluation.
"""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.float32]


def to_image(grey: Grey) -> Any:
    """As a Pillow picture of mode L."""
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.clip(grey * 255.0 + 0.5, 0, 255).astype(np.uint8))


def to_grey(image: Any) -> Grey:
    """As an array in 0..1."""
    import numpy as np

    return np.asarray(image, dtype=np.float32) / np.float32(255.0)


def blur(grey: Grey, rng: random.Random, most: float = 1.6) -> Grey:
    """Out of focus, or moved along a line."""
    from PIL import ImageFilter

    image = to_image(grey)
    if rng.random() < 0.7:
        return to_grey(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, most))))
    weights = [0.0] * 25
    if rng.random() < 0.5:
        weights[10:15] = [1.0] * 5 if most > 1.2 else [0.0, 1.0, 1.0, 1.0, 0.0]
    else:
        weights[2::5] = [0.0, 1.0, 1.0, 1.0, 0.0]
    return to_grey(image.filter(ImageFilter.Kernel((5, 5), weights)))


def noise(grey: Grey, rng: random.Random, most: float = 0.09) -> Grey:
    """The sensor's grain."""
    import numpy as np

    drawn = np.random.default_rng(rng.getrandbits(32)).standard_normal(grey.shape, dtype=np.float32)
    return grey + drawn * np.float32(rng.uniform(0.01, most))


def shadow(grey: Grey, rng: random.Random) -> Grey:
    """Half of the picture is darker, with a soft edge."""
    import numpy as np

    height, width = grey.shape
    slope = rng.uniform(-0.7, 0.7)
    at = rng.uniform(0.15, 0.85) * width
    ys, xs = np.ogrid[0:height, 0:width]
    edge = (xs - at + slope * (ys - height / 2)) / max(2.0, rng.uniform(0.05, 0.4) * width)
    strength = rng.uniform(0.25, 0.6)
    if rng.random() < 0.5:
        edge = -edge
    return np.asarray(grey * (1 - strength / (1 + np.exp(-6 * edge))), dtype=np.float32)


def glare(grey: Grey, rng: random.Random, most: float = 0.65) -> Grey:
    """A spot of light that washes out."""
    import numpy as np

    height, width = grey.shape
    size = rng.uniform(0.4, 1.4) * height
    stretch = rng.uniform(1.0, 3.0)
    ys, xs = np.ogrid[0:height, 0:width]
    far = ((xs - rng.uniform(0, width)) / (size * stretch)) ** 2
    far = far + ((ys - rng.uniform(0, height)) / size) ** 2
    share = rng.uniform(0.25, most) * np.exp(-far)
    return np.asarray(grey + (1.0 - grey) * share, dtype=np.float32)


def jpeg(grey: Grey, rng: random.Random, least: int = 18) -> Grey:
    """Compressed hard."""
    from PIL import Image

    held = io.BytesIO()
    to_image(grey).save(held, "JPEG", quality=rng.randint(least, 70))
    return to_grey(Image.open(held))


def low_resolution(grey: Grey, rng: random.Random, least: int = 11) -> Grey:
    """Few pixels a character: made small, and large again."""
    from PIL import Image

    height, width = grey.shape
    small = rng.randint(least, max(least + 1, min(22, height - 1)))
    shape = (max(4, width * small // height), small)
    way = rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.BICUBIC])
    back = rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
    return to_grey(to_image(grey).resize(shape, way).resize((width, height), back))


def threshold(grey: Grey, rng: random.Random) -> Grey:
    """Black and white, as fax-like scanners make it, with the jagged edges kept soft."""
    import numpy as np

    middle = float(grey.mean()) * rng.uniform(0.75, 0.95)
    steep = rng.uniform(8, 40)
    return np.asarray(1 / (1 + np.exp(-steep * (grey - middle))), dtype=np.float32)


def dots(ink: Grey, rng: random.Random) -> Grey:
    """Ink laid on in dots or rows of dots, as needle and thermal printers do. Takes and gives ink, 1 where black."""
    import numpy as np

    height, width = ink.shape
    step = rng.uniform(2.0, max(2.6, height / 11))
    ys, xs = np.ogrid[0:height, 0:width]
    deep = rng.uniform(0.4, 1.0)
    rows = 0.5 + 0.5 * np.cos(2 * np.pi * (ys / step + rng.random()))
    columns = 0.5 + 0.5 * np.cos(2 * np.pi * (xs / step + rng.random()))
    grid = rng.choice([rows + 0 * xs, columns + 0 * ys, np.sqrt(rows * columns)])
    return np.asarray(ink * (1 - deep * (1 - np.clip(grid * 1.6, 0, 1))), dtype=np.float32)


def fade(ink: Grey, rng: random.Random) -> Grey:
    """Ink missing in patches, stripes or altogether pale. Takes and gives ink, 1 where black."""
    import numpy as np
    from PIL import Image

    height, width = ink.shape
    turn = rng.random()
    if turn < 0.35:
        return ink * np.float32(rng.uniform(0.3, 0.8))
    seed = np.random.default_rng(rng.getrandbits(32))
    if turn < 0.5:
        bands = seed.uniform(0.25, 1.3, size=(rng.randint(4, 10), 1))
        shape = (1, height)
    elif turn < 0.8:
        bands = seed.uniform(0.1, 1.4, size=(max(3, height // 6), max(4, width // 8)))
        shape = (width, height)
    else:
        # Flecks: single pixels of ink that did not take.
        return np.asarray(
            ink * (seed.random((height, width)) > rng.uniform(0.05, 0.25)), np.float32
        )
    field = Image.fromarray(bands.astype(np.float32)).resize(shape, Image.Resampling.BILINEAR)
    return np.asarray(ink * np.clip(np.asarray(field), 0, 1), dtype=np.float32)


def paper(shape: tuple[int, int], rng: random.Random) -> Grey:
    """A ground of one tone, in 0..1: plain, graded, with fine lines as security print has, or with coarse grain."""
    import numpy as np
    from PIL import Image

    height, width = shape
    ground = np.full(shape, rng.uniform(0.62, 1.0), dtype=np.float32)
    turn = rng.random()
    if turn < 0.4:
        return ground
    ys, xs = np.ogrid[0:height, 0:width]
    if turn < 0.6:
        across = rng.uniform(-0.25, 0.25) * (xs / width - 0.5) + rng.uniform(-0.15, 0.15) * (
            ys / height - 0.5
        )
        return np.asarray(ground + across, dtype=np.float32)
    if turn < 0.82:
        # Guilloche: waves of thin lines.
        period, wave = rng.uniform(3, 14), rng.uniform(15, 120)
        tilt, swing = rng.uniform(-1.2, 1.2), rng.uniform(0, 6)
        phase = ys + tilt * xs + swing * np.sin(2 * np.pi * xs / wave + rng.random() * 6)
        lines = np.clip(np.cos(2 * np.pi * phase / period) * 1.5 - 0.5, 0, 1)
        return np.asarray(ground - rng.uniform(0.03, 0.2) * lines, dtype=np.float32)
    seed = np.random.default_rng(rng.getrandbits(32))
    coarse = seed.standard_normal(
        (max(2, height // rng.randint(3, 10)), max(2, width // rng.randint(3, 14)))
    )
    field = Image.fromarray(coarse.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.asarray(ground + rng.uniform(0.02, 0.09) * np.asarray(field), dtype=np.float32)
