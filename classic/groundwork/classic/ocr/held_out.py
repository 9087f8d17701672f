"""What is measured on: lines in fonts, and cards in layouts and fonts, that are never trained on. Kept in a folder."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.data.cards.face import draw_face
from groundwork.classic.ocr.data.cards.scenes import any_view, photograph
from groundwork.classic.ocr.data.fonts import HELD_OUT, FontBook
from groundwork.classic.ocr.data.lines import draw_line
from groundwork.classic.ocr.reading import Quad
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

LINES, CARDS = "lines", "cards"
_TABLE = "held_out.json"
# A photograph of four megapixels, the longer side first: a telephone takes three times as many.
_PHOTO = (2400, 1800)
# Turned by up to 30 degrees either way, but for one card in four, which lies anyhow.
_TURNED = 30.0


@dataclass(frozen=True, slots=True)
class HeldOutLine:
    """A crop with its text, and what it was made of."""

    id: str
    path: Path
    text: str
    use: str
    family: str
    conditions: tuple[str, ...]

    def pixels(self) -> NDArray[np.uint8]:
        """Grey, (32, width)."""
        import numpy as np
        from PIL import Image

        with Image.open(self.path) as picture:
            return np.asarray(picture)


@dataclass(frozen=True, slots=True)
class HeldOutCard:
    """A photograph with where its card lies and what its fields are."""

    id: str
    path: Path
    layout: str
    quad: Quad
    truth: dict[str, str]
    conditions: tuple[str, ...]

    def picture(self) -> Image:
        """RGB."""
        from PIL import Image

        with Image.open(self.path) as picture:
            return picture.convert("RGB")


def make(folder: Path, seed: int, lines: int, cards: int) -> Iterator[str]:
    """Draw both sets into a folder, yielding each example's id as it is done; an interrupted one is drawn anew."""
    book = FontBook.find(HELD_OUT)
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {LINES: [], CARDS: []}
    for number in range(lines):
        rows[LINES].append(_line(folder, book, seed, number))
        yield rows[LINES][-1]["id"]
    for number in range(cards):
        rows[CARDS].append(_card(folder, book, seed, number))
        yield rows[CARDS][-1]["id"]
    table = folder / _TABLE
    temporary = table.with_suffix(".new")
    temporary.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(table)


def _line(folder: Path, book: FontBook, seed: int, number: int) -> dict[str, Any]:
    from PIL import Image

    drawn = draw_line(book, random.Random(f"held-out line:{seed}:{number}"))
    name = f"line-{number:05}"
    Image.fromarray(drawn.pixels).save(folder / f"{name}.png")
    return {
        "id": name,
        "text": drawn.text,
        "use": drawn.use,
        "family": drawn.family,
        "conditions": drawn.conditions,
    }


def _card(folder: Path, book: FontBook, seed: int, number: int) -> dict[str, Any]:
    rng = random.Random(f"held-out card:{seed}:{number}")
    face = draw_face(book, rng)
    view = any_view(rng, most=180.0 if number % 4 == 3 else _TURNED)
    size = _PHOTO if rng.random() < 0.6 else _PHOTO[::-1]
    scene = photograph(face.picture, view, size, rng)
    name = f"card-{number:05}"
    held = io.BytesIO()
    scene.picture.save(held, "JPEG", quality=92)
    (folder / f"{name}.jpg").write_bytes(held.getvalue())
    return {
        "id": name,
        "layout": face.layout,
        "quad": scene.quad.corners,
        "truth": face.truth,
        "conditions": scene.conditions,
    }


def load(folder: Path) -> tuple[list[HeldOutLine], list[HeldOutCard]]:
    """What `make` left. Raises InvalidInput where it is not there."""
    table = folder / _TABLE
    if not table.is_file():
        raise InvalidInput(f"no held-out examples in {folder}", field="prepared")
    rows = json.loads(table.read_text(encoding="utf-8"))
    lines = [
        HeldOutLine(
            one["id"], folder / f"{one['id']}.png", one["text"], one["use"], one["family"], tuple(one["conditions"])
        )
        for one in rows[LINES]
    ]  # fmt: skip
    cards = []
    for one in rows[CARDS]:
        a, b, c, d = ((x, y) for x, y in one["quad"])
        cards.append(
            HeldOutCard(
                one["id"], folder / f"{one['id']}.jpg", one["layout"], Quad((a, b, c, d)), one["truth"], tuple(one["conditions"])
            )
        )  # fmt: skip
    return lines, cards
