"""Drawn lines on disk, so that drawing runs beside training and a pool of lines is read more than once.

A shard is decided by the seed, its number and the fonts, and is complete or not there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.ocr.data.fonts import FontBook
from groundwork.classic.ocr.data.lines import DrawnLine, draw_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARD_LINES = 2048


@dataclass(frozen=True, slots=True)
class Sample:
    """A crop, (32, width) uint8, and its text."""

    pixels: NDArray[np.uint8]
    text: str


@dataclass(frozen=True, slots=True)
class Pool:
    """`count` shards in a folder."""

    folder: Path
    seed: int
    count: int
    lines: int = SHARD_LINES

    def path(self, number: int) -> Path:
        """Where a shard is, or will be."""
        return self.folder / f"lines-{self.seed}-{number:04}.npz"

    def draw(self, number: int, book: FontBook) -> None:
        """Draw a shard, if it is not there."""
        if self.path(number).exists():
            return
        drawn = (
            draw_line(book, random.Random(f"{self.seed}:{book.split}:{number}:{at}"))
            for at in range(self.lines)
        )
        write(self.path(number), list(drawn))

    def wait(self, number: int, patience_s: float = 600.0) -> list[Sample]:
        """The shard's lines, once another process has drawn it. Raises TimeoutError."""
        until = time.monotonic() + patience_s
        while not self.path(number).exists():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.path(number)} was not drawn within {patience_s:g} s")
            time.sleep(0.2)
        return list(read(self.path(number)))


def draw_all(pool: Pool, split: str) -> None:
    """Draw every shard of the pool; the entry of the drawing process."""
    book = FontBook.find(split)
    for number in range(pool.count):
        pool.draw(number, book)


def write(path: Path, drawn: list[DrawnLine]) -> None:
    """Keep lines: pixels side by side, widths, texts."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new.npz")
    np.savez(
        temporary,
        pixels=np.concatenate([one.pixels for one in drawn], axis=1),
        widths=np.array([one.pixels.shape[1] for one in drawn], dtype=np.int32),
        texts=np.frombuffer("\n".join(one.text for one in drawn).encode(), dtype=np.uint8),
    )
    temporary.replace(path)


def read(path: Path) -> Iterator[Sample]:
    """What `write` kept."""
    import numpy as np

    with np.load(path) as held:
        pixels, widths = held["pixels"], held["widths"]
        texts = held["texts"].tobytes().decode().split("\n")
    at = 0
    for width, text in zip(widths.tolist(), texts, strict=True):
        yield Sample(pixels[:, at : at + width], text)
        at += width
