"""Figures of a picture and of its reading that drift is watched by: nothing of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_LOOK = 256
_CELLS = 8


def image_signals(picture: Image, reading: Reading) -> dict[str, Any]:
    """By the names of `monitoring.drift.standard.IMAGES`; brightness, contrast and sharpness are of 0..1 grey."""
    import numpy as np

    small = picture.convert("L")
    small.thumbnail((_LOOK, _LOOK))
    grey = np.asarray(small, dtype=np.float32) / np.float32(255)
    return {
        "image": _look(grey),
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "sharpness": _sharpness(grey),
        "pixels": picture.width * picture.height / 1e6,
        "confidence": reading.confidence,
        "characters": float(sum(len(line.text) for line in reading.lines)),
        "outcome": "card" if reading.card else "page" if reading.lines else "nothing",
    }


def _sharpness(grey: NDArray[np.float32]) -> float:
    """The standard deviation of the Laplacian: blur takes it towards 0."""
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((4 * inner - around).std()) if inner.size else 0.0


def _look(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """64 means of cells and 64 of their edges: what it looks like from afar, without a line being legible."""
    import numpy as np

    rows = np.array_split(grey, _CELLS, axis=0)
    cells = [cell for row in rows for cell in np.array_split(row, _CELLS, axis=1)]
    means = [float(cell.mean()) if cell.size else 0.0 for cell in cells]
    edges = [
        float(np.abs(np.diff(cell, axis=1)).mean()) if cell.shape[1] > 1 else 0.0 for cell in cells
    ]
    return np.asarray(means + edges, dtype=np.float32)
