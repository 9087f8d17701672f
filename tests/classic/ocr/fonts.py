"""The fonts that the tests draw with, or a skip that names what to install."""

from __future__ import annotations

from functools import cache

import pytest

from groundwork.classic.ocr.data.fonts import SMALLEST, FontBook
from groundwork.core.errors import ConfigurationError


@cache
def _found(split: str) -> FontBook | None:
    try:
        return FontBook.find(split)
    except ConfigurationError:
        return None


def book_of(split: str) -> FontBook:
    """The split's fonts."""
    book = _found(split)
    if book is None:
        pytest.skip(f"no font of the {split} split; apt-get install {' '.join(SMALLEST)}")
    return book
