"""Homographies, figures in masks, overlaps."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from groundwork.classic.ocr import geometry
from groundwork.classic.ocr.reading import Quad

UNIT = geometry.rectangle(100, 60)


def _four(rng: random.Random) -> list[tuple[float, float]]:
    return [(rng.uniform(8, 40), rng.uniform(8, 40)), (rng.uniform(70, 104), rng.uniform(8, 40)),
            (rng.uniform(70, 104), rng.uniform(70, 104)), (rng.uniform(8, 40), rng.uniform(70, 104))]  # fmt: skip


@given(st.integers(0, 10_000))
def test_a_homography_takes_corners_to_corners_and_back(seed: int) -> None:
    four = _four(random.Random(seed))
    there: Any = geometry.homography(UNIT, four)
    assert np.allclose(geometry.apply(there, UNIT), four)
    assert np.allclose(geometry.apply(np.linalg.inv(there), four), UNIT, atol=1e-6)


def test_points_on_a_line_have_no_homography() -> None:
    with pytest.raises(ValueError, match="one line"):
        geometry.homography([(0, 0), (1, 1), (2, 2), (3, 3)], UNIT)


@pytest.mark.parametrize("seed", range(12))
def test_a_figure_in_a_mask_is_found_to_a_fraction_of_a_pixel(seed: int) -> None:
    four = _four(random.Random(seed))
    fine = Image.new("L", (1120, 1120))
    ImageDraw.Draw(fine).polygon([(10 * x, 10 * y) for x, y in four], fill=255)
    mask = np.asarray(fine.reduce(10), dtype=np.float32) / np.float32(255)
    found = geometry.quad_of(mask)
    assert found is not None
    corners, fit = found
    assert fit > 0.95
    off = np.abs(np.array(corners) - np.array(four))
    # An acute corner has few pixels to be seen by; the sides that meet in it are found all the same.
    assert np.median(off) < 0.5
    assert off.max() < 1.0


def test_specks_beside_the_figure_do_not_count() -> None:
    mask: Any = np.zeros((112, 112), np.float32)
    mask[20:90, 30:100] = 1
    mask[2:5, 2:5] = 1
    found = geometry.quad_of(mask)
    assert found is not None
    assert np.allclose(found[0], [(30, 20), (100, 20), (100, 90), (30, 90)], atol=0.6)


def test_what_sticks_out_of_the_figure_hardly_counts() -> None:
    fine = Image.new("L", (1120, 1120))
    four = [(200, 300), (800, 260), (850, 700), (240, 760)]
    ImageDraw.Draw(fine).polygon(four, fill=255)
    ImageDraw.Draw(fine).polygon([(820, 400), (960, 380), (960, 520), (830, 540)], fill=255)
    mask = np.asarray(fine.reduce(10), dtype=np.float32) / np.float32(255)
    found = geometry.quad_of(mask)
    assert found is not None
    a, b, c, d = found[0]
    p, q, r, s = ((x / 10, y / 10) for x, y in four)
    assert geometry.overlap(Quad((a, b, c, d)), Quad((p, q, r, s))) > 0.93


@pytest.mark.parametrize(
    "mask", [np.zeros((112, 112), np.float32), np.eye(112, dtype=np.float32)[:3]]
)
def test_no_figure(mask: Any) -> None:
    assert geometry.quad_of(mask) is None


def test_overlap() -> None:
    a, b, c, d = UNIT
    whole = Quad((a, b, c, d))
    assert geometry.overlap(whole, whole) == pytest.approx(1)
    half = Quad(((0, 0), (50, 0), (50, 60), (0, 60)))
    assert geometry.overlap(whole, half) == pytest.approx(0.5)
    assert geometry.overlap(whole, geometry.turned(half, 2)) == pytest.approx(0.5)
    assert geometry.overlap(whole, Quad(((200, 0), (250, 0), (250, 60), (200, 60)))) == 0


def test_straightened_shows_what_the_quad_shows() -> None:
    picture = Image.new("L", (400, 400), 0)
    ImageDraw.Draw(picture).polygon([(100, 50), (300, 80), (280, 300), (90, 260)], fill=200)
    flat = geometry.straightened(
        picture, Quad(((100, 50), (300, 80), (280, 300), (90, 260))), (60, 60)
    )
    assert np.asarray(flat)[3:-3, 3:-3].min() > 190


def test_turned_goes_round() -> None:
    a, b, c, d = UNIT
    quad = Quad((a, b, c, d))
    assert geometry.turned(quad, 1).corners[0] == b
    assert geometry.turned(geometry.turned(quad, 1), 3) == quad
