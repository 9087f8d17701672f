"""Text of a PDF page that nobody sees: white, tiny, or drawn in the mode that paints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_uint
from typing import Any

_WHITE = 250  # of 255, each of red, green and blue
_TINY = 2.0  # points
_INVISIBLE_MODE = 3
# Scanned documents carry all their text in that mode, behind the picture.
_SCANNED_SHARE = 0.5


def hidden_text(page: Any, text_page: Any) -> str:
    """The hidden text objects of a page, one a line. The caller holds PDFium's lock."""
    import pypdfium2.raw as pdfium

    shown = 0
    unseen: list[str] = []
    unpainted: list[str] = []
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], textpage=text_page):
        text = item.extract().strip()
        if not text:
            continue
        if pdfium.FPDFTextObj_GetTextRenderMode(item.raw) == _INVISIBLE_MODE:
            unpainted.append(text)
        elif _is_white(item, pdfium) or _is_tiny(item):
            unseen.append(text)
        else:
            shown += len(text)
    if sum(map(len, unpainted)) <= _SCANNED_SHARE * (shown + sum(map(len, unpainted))):
        unseen += unpainted
    return "\n".join(_lines(unseen))


def _lines(parts: list[str]) -> Iterator[str]:
    """Neighbouring objects are often one sentence, a word each."""
    if parts:
        yield " ".join(parts)


def _is_white(item: Any, pdfium: Any) -> bool:
    red, green, blue, opacity = c_uint(), c_uint(), c_uint(), c_uint()
    if not pdfium.FPDFPageObj_GetFillColor(item.raw, red, green, blue, opacity):
        return False
    return opacity.value == 0 or min(red.value, green.value, blue.value) >= _WHITE


def _is_tiny(item: Any) -> bool:
    matrix = item.get_matrix()
    return bool(item.get_font_size() * max(abs(matrix.d), abs(matrix.b)) <= _TINY)
