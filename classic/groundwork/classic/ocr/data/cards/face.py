"""A sheet as a picture, with where its lines are."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.data import degrade
from groundwork.classic.ocr.data.cards.layouts import LAYOUTS, PAGES
from groundwork.classic.ocr.data.cards.people import Person, invent
from groundwork.classic.ocr.data.cards.sheet import Item, Sheet
from groundwork.classic.ocr.data.fonts import FontBook, covers, opened

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Printed:
    """A line on a face: its item and the rectangle of its ink in pixels (left, top, right, bottom)."""

    item: Item
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A card's picture, RGB, seen straight on. `truth` is what should be read, by field."""

    picture: Image
    layout: str
    families: tuple[str, ...]
    lines: tuple[Printed, ...]
    truth: dict[str, str]
    rows: tuple[str, ...] = ()


def draw_face(book: FontBook, rng: random.Random, layout: str | None = None) -> Face:
    """A card of the book's split, of a layout at random or by the name of its function."""
    every = LAYOUTS[book.split] if layout is None else (*LAYOUTS[book.split], *PAGES)
    choices = [one for one in every if layout in (None, one.__name__)]
    person, fonts = _person_and_fonts(book, rng)
    sheet = rng.choice(choices)(person, rng)
    dark = sheet.layout == "membership" and rng.random() < 0.5
    picture = _ground(sheet, rng, dark=dark)
    lines = _print(picture, sheet, fonts, _inks(rng, dark=dark))
    truth = {
        one.name: person.truth(one.name) for one in sheet.items if one.role == "value" and one.name
    }
    rows = tuple(one.text for one in sheet.items if one.role == "zone")
    families = tuple(sorted({path.name for path in fonts.values()}))
    return Face(picture, sheet.layout, families, tuple(lines), truth, rows)


def _person_and_fonts(book: FontBook, rng: random.Random) -> tuple[Person, dict[str, Path]]:
    """A person whom the fonts can spell. A card uses one face for values, one for labels and titles."""
    for _ in range(_TRIES):
        person = invent(rng)
        value, label = book.face("card", rng).path, book.face("card", rng).path
        if all(covers(path, "".join(person.printed.values())) for path in (value, label)):
            break
    zone = book.face("mrz" if rng.random() < 0.9 else "mono", rng).path
    return person, {"value": value, "label": label, "title": label, "other": label, "zone": zone}


def _inks(rng: random.Random, *, dark: bool) -> dict[str, Colour]:
    def near(low: int, high: int) -> Colour:
        return rng.randint(low, high), rng.randint(low, high), rng.randint(low, high)

    if dark:
        return dict.fromkeys(("value", "label", "title", "other", "zone"), near(205, 255))
    ink = near(0, 60)
    label = rng.choice([ink, near(20, 110)])
    return {"value": ink, "label": label, "title": label, "other": ink, "zone": near(0, 40)}


def _ground(sheet: Sheet, rng: random.Random, *, dark: bool) -> Image:
    """The card's colours, its fine lines, its photo and a band at the head."""
    import numpy as np
    from PIL import Image, ImageDraw

    shape = (sheet.height, sheet.width)
    base = [rng.randint(20, 110) if dark else rng.randint(175, 252) for _ in range(3)]
    tint = [rng.randint(-35, 35) for _ in range(3)]
    flow = np.linspace(0, 1, sheet.width if rng.random() < 0.5 else sheet.height)
    across = flow[None, :] if flow.size == sheet.width else flow[:, None]
    fine = degrade.paper(shape, rng)
    fine = fine - fine.mean()
    planes = [
        np.broadcast_to(base[n] + tint[n] * across, shape) + 255 * fine * rng.uniform(0.2, 1)
        for n in range(3)
    ]
    pixels = np.clip(np.stack(planes, axis=2), 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    if sheet.band:
        draw.rectangle((0, 0, sheet.width, sheet.band), tuple(int(one * 0.82) for one in base))
    if sheet.photo:
        _portrait(draw, sheet.photo, rng)
    return picture


def _portrait(draw: Any, box: tuple[int, int, int, int], rng: random.Random) -> None:
    """A ground, shoulders and a head: nobody's face."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    draw.rectangle(box, tuple(rng.randint(150, 235) for _ in range(3)))
    skin = tuple(rng.randint(90, 220) for _ in range(3))
    cloth = tuple(rng.randint(10, 140) for _ in range(3))
    draw.pieslice(
        (left + wide * 0.08, bottom - high * 0.36, right - wide * 0.08, bottom + high * 0.36),
        180,
        360,
        cloth,
    )
    draw.ellipse(
        (left + wide * 0.27, top + high * 0.17, right - wide * 0.27, top + high * 0.72), skin
    )
    draw.chord(
        (left + wide * 0.25, top + high * 0.12, right - wide * 0.25, top + high * 0.62),
        180,
        360,
        cloth,
    )


def _print(
    picture: Image, sheet: Sheet, fonts: dict[str, Path], inks: dict[str, Colour]
) -> list[Printed]:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    found = []
    for item in sheet.items:
        size, font = item.size, opened(fonts[item.role], item.size)
        room = sheet.width - item.x - 12
        # What would run off the card is set smaller, as printers do.
        while font.getlength(item.text) > room and size > 14:
            size -= 1
            font = opened(fonts[item.role], size)
        at = (item.x, item.y)
        draw.text(at, item.text, inks[item.role], font, anchor="ls")
        left, top, right, bottom = draw.textbbox(at, item.text, font, anchor="ls")
        found.append(Printed(item, (left, top, right, bottom)))
    return found
