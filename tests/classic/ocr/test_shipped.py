"""The release that ships: small, what its description says it is, and able to read what it never saw."""

from __future__ import annotations

import hashlib
import io
import json
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groundwork.classic.ocr.data.fonts import HELD_OUT
from groundwork.classic.ocr.data.lines import draw_line
from groundwork.classic.ocr.engines.own import OwnEngine
from groundwork.classic.ocr.evaluate import char_error, judge_card, scored
from groundwork.classic.ocr.held_out import HeldOutCard, load, make
from groundwork.classic.ocr.model import BUNDLED, FILES, Models
from groundwork.classic.ocr.predict import draw, open_reader
from groundwork.classic.ocr.reader import Reader
from groundwork.core.settings import Settings
from tests.classic.ocr.fonts import book_of


@pytest.fixture(scope="module")
def reader() -> Reader:
    return open_reader(Settings())


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[HeldOutCard]:
    book_of(HELD_OUT)
    folder = tmp_path_factory.mktemp("cards")
    list(make(folder, 77, 0, 5))
    return load(folder)[1]


def test_it_is_small_and_what_it_says() -> None:
    about = json.loads((BUNDLED / "release.json").read_text(encoding="utf-8"))
    models = Models.load()
    assert about["release"] == models.release
    for name in FILES:
        raw = (BUNDLED / name).read_bytes()
        assert about["networks"][name] == hashlib.sha256(raw).hexdigest()
        assert about["bytes"][name] == len(raw)
    # A tenth of RapidOCR's three networks, 16.2 MB.
    assert sum(about["bytes"].values()) < 1.62e6
    card = (BUNDLED / "card.md").read_text(encoding="utf-8")
    assert about["command"] in card
    assert about["data"] in card
    curves = json.loads((BUNDLED / "curves.json").read_text(encoding="utf-8"))
    assert set(curves) == {"recogniser", "locator", "liner"}
    assert curves["recogniser"][-1]["loss"] < curves["recogniser"][5]["loss"] / 10


def test_lines_in_fonts_that_it_never_saw() -> None:
    book = book_of(HELD_OUT)
    engine = OwnEngine(Models.load())
    drawn = [draw_line(book, random.Random(f"shipped {n}")) for n in range(120)]
    read = engine.read([one.pixels for one in drawn])
    results = [
        scored(str(n), one.family, one.text, found.text)
        for n, (one, found) in enumerate(zip(drawn, read, strict=True))
    ]
    assert char_error(results).mean < 0.05


def test_cards_in_layouts_that_it_never_saw(reader: Reader, cards: list[HeldOutCard]) -> None:
    judged = [judge_card(one, reader.read(one.picture())) for one in cards]
    assert sum(one.located for one in judged) >= len(cards) - 1
    right = sum(len(one.right) for one in judged)
    assert right >= 0.8 * sum(len(one.right) + len(one.wrong) for one in judged)


def test_a_reading_is_json_with_pixels_of_the_picture(
    reader: Reader, cards: list[HeldOutCard]
) -> None:
    picture = cards[0].picture()
    reading = reader.read(picture)
    data = json.loads(json.dumps(reading.to_dict()))
    assert (data["width"], data["height"]) == picture.size
    assert data["release"] == reader.release
    assert set(data["timings_ms"]) == {"locate", "find_lines", "read", "understand"}
    for line in data["lines"]:
        assert 0 <= line["confidence"] <= 1
        assert all(-200 <= one <= 2200 for point in line["corners"] for one in point)
    marked = draw(picture, reading)
    assert marked.size == picture.size
    assert np.abs(np.asarray(marked, int) - np.asarray(picture, int)).max() > 100
    assert reader.read(picture).to_dict()["lines"] == data["lines"]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16"])
def test_any_mode_is_read(reader: Reader, mode: str) -> None:
    plain = Image.new("RGB", (300, 200), "white")
    picture: Any = (
        Image.fromarray(np.full((200, 300), 60_000, np.uint16))
        if mode == "I;16"
        else plain.convert(mode)
    )
    reading = reader.read(picture)
    assert (reading.width, reading.height) == (300, 200)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (33, 2000)])
def test_any_shape_is_read(reader: Reader, size: tuple[int, int]) -> None:
    reading = reader.read(Image.new("RGB", size, (200, 220, 240)))
    assert (reading.width, reading.height) == size


def test_a_page_without_a_card_is_read_as_it_is(reader: Reader) -> None:
    from PIL import ImageDraw, ImageFont

    page = Image.new("RGB", (900, 400), "white")
    pen = ImageDraw.Draw(page)
    for n, text in enumerate(("INVOICE 20417", "Total 118.30", "Thank you")):
        pen.text((60, 60 + 90 * n), text, (10, 10, 10), ImageFont.load_default(44))
    reading = reader.read(page, find_card=False)
    assert reading.card is None
    assert [one.text for one in reading.lines] == ["INVOICE 20417", "Total 118.30", "Thank you"]
    held = io.BytesIO()
    draw(page, reading).save(held, "PNG")
    assert held.getvalue().startswith(b"\x89PNG")
