"""Labelled line crops from a folder: `labels.tsv` with a row of `file`, `text` and, where there is one, a group; `img/`.

The group (a receipt, a document) decides the split, so that lines of one document are on one side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.ocr.alphabet import normalised
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS = "labels.tsv"
# Of groups, for training; the others measure.
_TRAINED = 0.5


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture of a line with its text, normalised, and its group."""

    path: Path
    text: str
    group: str

    def held_out(self, seed: int) -> bool:
        """Decided by the group and the seed."""
        digest = hashlib.sha256(f"crops:{seed}:{self.group}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >= _TRAINED * 2**32

    def pixels(self) -> NDArray[np.uint8]:
        """Grey, (height, width). Raises InvalidInput where it is no picture."""
        import numpy as np
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(self.path) as picture:
                return np.asarray(picture.convert("L"))
        except (OSError, UnidentifiedImageError) as error:
            raise InvalidInput(f"{self.path.name} is no picture: {error}", field="data") from None


def read_crops(folder: Path) -> list[Crop]:
    """Every crop of the folder, in the order of its table. Raises InvalidInput that says what is wrong, all of it."""
    table = folder / LABELS
    if not table.is_file():
        raise InvalidInput(f"there is no {LABELS} in {folder}", field="data")
    crops, wrong = [], []
    for number, row in _rows(table):
        path = folder / "img" / row[0]
        if len(row) < 2 or not normalised(row[1]):
            wrong.append(f"row {number} has no text")
        elif not path.is_file():
            wrong.append(f"row {number} names {row[0]}, which is not there")
        else:
            group = row[2] if len(row) > 2 and row[2] else path.stem
            crops.append(Crop(path, normalised(row[1]), group))
    if wrong:
        shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise InvalidInput(f"{table.name}: {shown}", field="data")
    if not crops:
        raise InvalidInput(f"{table} names no crop", field="data")
    return crops


def _rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    lines = table.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        row = line.split("\t")
        if number == 1 and row[:2] == ["file", "text"]:
            continue
        if line.strip():
            yield number, row
