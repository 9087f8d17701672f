"""Annotated pictures as a folder of labelled crops, which training and measuring read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from groundwork.classic.ocr.data.folder import LABELS
from groundwork.classic.ocr.data.labelstudio import Annotated
from groundwork.classic.ocr.geometry import edge_lengths, straightened
from groundwork.core.errors import InvalidInput

# Crops are kept about as large as they are in the picture, within these heights in pixels.
_LOW, _TALL = 24, 64


def write_crops(annotated: Sequence[Annotated], pictures: Path, into: Path) -> int:
    """One straightened crop a line into `into/img`, and the table; the picture's name is the group. Returns how many.

    Pictures are looked for in `pictures` by the last part of their path or URL. Raises InvalidInput that names what is missing.
    """
    from PIL import Image, ImageOps

    found = [(one, pictures / _name(one.image)) for one in annotated]
    missing = [path.name for _, path in found if not path.is_file()]
    if missing:
        raise InvalidInput(f"not in {pictures}: {', '.join(missing[:5])}", field="pictures")
    (into / "img").mkdir(parents=True, exist_ok=True)
    rows = ["file\ttext\tgroup"]
    for one, path in found:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("L")
        for number, region in enumerate(one.regions):
            top, right, bottom, left = edge_lengths(region.quad)
            high = min(_TALL, max(_LOW, round(max(left, right))))
            wide = max(4, round(max(top, bottom) * high / max(1.0, left, right)))
            name = f"{path.stem}-{number:03}.png"
            straightened(picture, region.quad, (wide, high)).save(into / "img" / name)
            rows.append(f"{name}\t{region.text}\t{path.stem}")
    (into / LABELS).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(rows) - 1


def _name(image: str) -> str:
    name = PurePosixPath(unquote(urlsplit(image).path)).name
    # Label Studio puts eight digits before the names of what was uploaded to it.
    head, dash, rest = name.partition("-")
    hexadecimal = len(head) == 8 and all(one in "0123456789abcdef" for one in head)
    return rest if dash and hexadecimal else name
