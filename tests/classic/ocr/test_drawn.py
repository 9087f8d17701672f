"""The generator: the same seed draws the same, splits share nothing, texts can be read, truths are where they are said to be."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.ocr import geometry, mrz
from groundwork.classic.ocr.alphabet import CHARACTERS, normalised, readable
from groundwork.classic.ocr.data.cards.face import draw_face
from groundwork.classic.ocr.data.cards.layouts import LAYOUTS
from groundwork.classic.ocr.data.cards.scenes import View, any_view, moved, photograph
from groundwork.classic.ocr.data.fonts import FAMILIES, HELD_OUT, SPLITS, TRAIN, FontBook
from groundwork.classic.ocr.data.lines import lines
from groundwork.classic.ocr.data.texts import KINDS, text_for
from groundwork.core.errors import ConfigurationError
from tests.classic.ocr.fonts import book_of


@pytest.mark.parametrize("split", SPLITS)
def test_lines_are_drawn_alike_from_the_same_seed(split: str) -> None:
    book = book_of(split)
    once, again, other = (list(lines(book, seed, 12)) for seed in (5, 5, 6))
    assert all(
        np.array_equal(a.pixels, b.pixels) and a.text == b.text
        for a, b in zip(once, again, strict=True)
    )
    assert [one.text for one in once] != [one.text for one in other]
    for one in once:
        assert one.pixels.shape[0] == 32
        assert one.pixels.dtype == np.uint8
        assert set(one.text) <= set(CHARACTERS)
        assert one.text == one.text.strip()


def test_no_family_is_on_both_sides() -> None:
    sides = {split: {one.name for one in FAMILIES if one.split == split} for split in SPLITS}
    assert not sides[TRAIN] & sides[HELD_OUT]
    layouts = {split: {one.__name__ for one in LAYOUTS[split]} for split in SPLITS}
    assert not layouts[TRAIN] & layouts[HELD_OUT]
    for split in SPLITS:
        assert set(book_of(split).families("card")) <= sides[split]


def test_without_fonts_the_error_names_packages(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"apt-get install any of: .*fonts-open-sans"):
        FontBook.find(HELD_OUT, [tmp_path])


@pytest.mark.parametrize("use", sorted(KINDS))
def test_texts_can_be_read(use: str) -> None:
    rng = random.Random(3)
    texts = [text_for(use, rng) for _ in range(300)]
    assert all(readable(one) for one in texts)
    assert len(set(texts)) > 100


def test_what_looks_alike_is_one_character() -> None:
    assert normalised("  Ｎ\u00a0“a”  – b… ") == 'Ｎ "a" - b...'
    assert readable("日本 Zoë ș") == "Zoë ş"


@pytest.mark.parametrize("split", SPLITS)
def test_cards(split: str) -> None:
    book = book_of(split)
    for layout in LAYOUTS[split]:
        face = draw_face(book, random.Random(4), layout.__name__)
        width, height = face.picture.size
        assert face.truth
        for line in face.lines:
            left, top, right, bottom = line.box
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height, line.item
        assert all(ord(one) < 0x250 for one in "".join(face.truth.values()))
        if face.rows:
            parsed = mrz.parse(face.rows)
            assert parsed is not None
            assert parsed.valid
            assert parsed.values["document_number"] == face.truth["document_number"]


def test_a_scene_says_where_the_card_is() -> None:
    book = book_of(TRAIN)
    rng = random.Random(8)
    face = draw_face(book, rng, "register_card")
    white = face.picture.copy()
    white.paste((255, 255, 255), (0, 0, *white.size))
    for angle in (0.0, 25.0, 140.0, -95.0):
        scene = photograph(white, View(angle, 0.1, 0.8), (640, 480), rng, hard=False)
        xs, ys = zip(*scene.quad.corners, strict=True)
        assert min(xs) >= -1
        assert max(xs) <= 641
        assert min(ys) >= -1
        assert max(ys) <= 481
        # What is within the outline is white, and a card's upper left is the first corner.
        flat = geometry.straightened(scene.picture.convert("L"), scene.quad, (64, 40))
        assert np.asarray(flat)[4:-4, 4:-4].min() > 250
        boxes = moved(scene, white.size, [(0, 0, *white.size)])
        assert geometry.overlap(boxes[0], scene.quad) == pytest.approx(1, abs=1e-6)


def test_views_are_turned_as_far_as_they_may() -> None:
    rng = random.Random(1)
    assert all(abs(any_view(rng, most=30).angle) <= 30 for _ in range(50))
    assert {"rotation beyond 30"} <= {one for _ in range(20) for one in photograph_conditions(rng)}


def photograph_conditions(rng: random.Random) -> list[str]:
    from groundwork.classic.ocr.data.cards.scenes import conditions_of

    return conditions_of(any_view(rng))
