"""Tesseract, by its program, as an engine; Debian's package is tesseract-ocr."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.ocr.recogniser.decode import Decoded
from groundwork.core.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TIMEOUT_S = 30
# Its models were made for print of about this height, with white around it.
_TALL = 48
_MARGIN = 12


class TesseractEngine:
    """One process a line, `workers` at a time. `languages` as its `-l` takes them."""

    name = "tesseract"

    def __init__(self, languages: str = "eng", workers: int = 1) -> None:
        self._languages = languages
        self._workers = workers

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Decoded]:
        """One result a crop, in order; see `Engine`. Confidences are of words, given to each of their characters."""
        program = shutil.which("tesseract")
        if program is None:
            raise ConfigurationError(
                "tesseract is not installed; apt-get install tesseract-ocr, or set GROUNDWORK_OCR__ENGINE=groundwork"
            )
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(self._workers) as pool:
            paths = []
            for number, crop in enumerate(crops):
                paths.append(Path(folder) / f"{number}.png")
                _write(crop, paths[-1])
            return list(pool.map(partial(self._one, program), paths))

    def _one(self, program: str, path: Path) -> Decoded:
        command = [program, str(path), "stdout", "--psm", "7", "-l", self._languages, "tsv"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=True,
                env={"OMP_THREAD_LIMIT": "1"},
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"tesseract failed: {error}") from None
        return _parsed(done.stdout.decode("utf-8", "replace"))


def _write(crop: NDArray[np.uint8], path: Path) -> None:
    import numpy as np
    from PIL import Image, ImageOps

    picture = Image.fromarray(crop)
    wide = max(1, round(picture.width * _TALL / picture.height))
    picture = picture.resize((wide, _TALL), Image.Resampling.BICUBIC)
    picture = ImageOps.expand(picture, _MARGIN, fill=int(np.median(crop)))
    picture.save(path, dpi=(200, 200))


def _parsed(table: str) -> Decoded:
    words: list[str] = []
    sure: list[float] = []
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row.get("text") or "").strip()
        if text:
            if words:
                sure.append(sure[-1])
            words.append(text)
            sure += [max(0.0, float(row["conf"])) / 100] * len(text)
    return Decoded(" ".join(words), tuple(sure))
