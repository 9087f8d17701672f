"""From scores to text."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.classic.ocr.recogniser.decode import Decoded, beam, greedy

LETTERS = "ab "


def _path(text: str, sure: float = 0.9) -> np.ndarray:
    """One row a step; `-` is the blank."""
    rows = np.full((len(text), 1 + len(LETTERS)), (1 - sure) / len(LETTERS), dtype=np.float32)
    for n, one in enumerate(text):
        rows[n, 0 if one == "-" else 1 + LETTERS.index(one)] = sure
    return rows


def test_repeats_are_one_and_blanks_part_them() -> None:
    assert greedy(_path("aa-a-bb"), LETTERS).text == "aab"
    assert beam(_path("aa-a-bb"), LETTERS).text == "aab"


def test_blanks_at_the_ends_are_no_text() -> None:
    found = greedy(_path(" -ab- "), LETTERS)
    assert found.text == "ab"
    assert len(found.probabilities) == 2


def test_nothing() -> None:
    assert greedy(_path("---"), LETTERS) == Decoded("")
    assert Decoded("").confidence == 0


def test_the_beam_adds_up_paths_where_the_best_path_is_not_the_best_text() -> None:
    # Each step: blank 0.6, a 0.4. The best path is empty (0.36); "a" has 0.64 over its three paths.
    rows = np.array([[0.6, 0.4, 0, 0], [0.6, 0.4, 0, 0]], dtype=np.float32)
    assert greedy(rows, LETTERS).text == ""
    assert beam(rows, LETTERS).text == "a"


@settings(max_examples=50)
@given(st.text(st.sampled_from("ab- "), max_size=12), st.floats(0.5, 0.99))
def test_sure_paths_read_alike(text: str, sure: float) -> None:
    rows = _path(text, sure)
    found = greedy(rows, LETTERS)
    assert len(found.probabilities) == len(found.text)
    if sure > 0.9:
        assert beam(rows, LETTERS, 16).text == found.text
