"""Finding a card: the first look counts where it is sure, and other colours are tried where it is not."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from groundwork.classic.ocr.find import locate
from groundwork.classic.ocr.model import Models

RED, BLUE = (200, 40, 40), (40, 40, 200)


class Sees:
    """A network that tells a card from its ground only where blue is the strongest channel."""

    def __init__(self) -> None:
        self.looks = 0

    def locate(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        self.looks += 1
        odds = np.full((len(pictures), 1, 56, 56), -8.0, dtype=np.float32)
        for picture, one in zip(pictures, odds, strict=True):
            # What the card is printed on is brighter than what it lies on.
            small = picture[:, 2::4, 2::4]
            if small[2].mean() > small[0].mean():
                one[0][small.max(axis=0) > 0.7] = 8.0
        return odds


def scene(colour: tuple[int, int, int], card: bool = True) -> Image.Image:
    picture = Image.new("RGB", (448, 448), tuple(one // 2 for one in colour))
    if card:
        picture.paste(colour, (100, 140, 340, 292))
    return picture


@pytest.mark.parametrize("colour", [RED, BLUE])
def test_a_card_is_found_in_whatever_colours_show_it(colour: tuple[int, int, int]) -> None:
    found = locate(scene(colour), cast("Models", Sees()))
    assert found is not None
    box = found.quad.box
    assert (box.left, box.top) == pytest.approx((100, 140), abs=10)
    assert (box.right, box.bottom) == pytest.approx((340, 292), abs=10)


def test_where_the_first_look_is_sure_no_other_is_taken() -> None:
    sure, unsure = Sees(), Sees()
    locate(scene(BLUE), cast("Models", sure))
    locate(scene(RED), cast("Models", unsure))
    assert sure.looks <= 2 < unsure.looks


def test_no_card_in_any_colours() -> None:
    assert locate(scene(RED, card=False), cast("Models", Sees())) is None
