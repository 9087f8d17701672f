"""Pictures out of a stranger's bytes: few formats, checked before they are unpacked, bounded in pixels and pages."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
ACCEPTED = "JPEG, PNG, WebP, TIFF and PDF"
_PDF = b"%PDF-"
_PDF_WITHIN = 1024
# Dots per inch at which a page of a PDF is drawn, and what a point is of an inch.
_DPI, _POINTS = 200, 72
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La"})
_SMALLEST = 8
# What Pillow's readers raise on damaged bytes, each in its own way.
_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, LookupError, TypeError, ArithmeticError,
    AttributeError, AssertionError,
)  # fmt: skip
# PDFium is not made for several threads.
_pdfium = threading.Lock()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one document. A picture's pixels count each, also where a file holds several."""

    max_bytes: int
    max_pixels: int
    max_pages: int


def open_pages(raw: bytes, limits: Limits, field: str = "body") -> list[Image]:
    """One picture a page, upright as its EXIF says.

    Raises PayloadTooLarge, UnsupportedMediaType, and InvalidInput for what is empty, broken, animated, CMYK or of 16 bits.
    """
    if not raw:
        raise InvalidInput("the picture is empty; send the bytes of one", field=field)
    if len(raw) > limits.max_bytes:
        raise PayloadTooLarge(
            f"a document has at most {limits.max_bytes:,} bytes; this one has {len(raw):,}",
            field=field,
        )
    if _PDF in raw[:_PDF_WITHIN]:
        return list(_pdf_pages(raw, limits, field))
    return list(_frames(raw, limits, field))


def _frames(raw: bytes, limits: Limits, field: str) -> Iterator[Image]:
    from PIL import Image

    # Sizes are checked here, before anything is unpacked; Pillow's own check would warn and go on.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = Image.open(io.BytesIO(raw), formats=[*FORMATS, "GIF", "BMP"])
    except _BROKEN as error:
        raise UnsupportedMediaType(
            f"this is no picture that can be read; send {ACCEPTED}", field=field
        ) from error
    with opened:
        if opened.format not in FORMATS:
            raise UnsupportedMediaType(f"{opened.format} is not read; send {ACCEPTED}", field=field)
        count = _frame_count(opened, field)
        if count > limits.max_pages:
            raise PayloadTooLarge(
                f"a document has at most {limits.max_pages} pages; this one has {count}",
                field=field,
            )
        for number in range(count):
            yield _frame(opened, number, limits, field)


def _frame(opened: Any, number: int, limits: Limits, field: str) -> Image:
    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            # What Pillow warns of in a damaged picture is no news: it reads on, or raises.
            warnings.simplefilter("ignore")
            opened.seek(number)
            _check(opened, limits, field)
            opened.load()
            upright: Image = ImageOps.exif_transpose(opened).convert("RGB")
            return upright
    except _BROKEN as error:
        raise InvalidInput(
            f"the picture is broken: {type(error).__name__}; send it whole", field=field
        ) from error


def _frame_count(opened: Any, field: str) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count = int(getattr(opened, "n_frames", 1))
    except _BROKEN as error:
        raise InvalidInput("the picture is broken; send it whole", field=field) from error
    if count > 1 and opened.format != "TIFF":
        raise InvalidInput(f"this {opened.format} is animated; send one picture of it", field=field)
    return count


def _check(opened: Any, limits: Limits, field: str) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise PayloadTooLarge(
            f"a picture has at most {limits.max_pixels:,} pixels; this one has {width} x {height}",
            field=field,
        )
    if min(width, height) < _SMALLEST:
        raise InvalidInput(
            f"the picture has {width} x {height} pixels, too few to read", field=field
        )
    if opened.mode == "CMYK":
        raise InvalidInput("the picture is CMYK; convert it to RGB", field=field)
    if opened.mode not in _MODES or _is_deep(opened):
        raise InvalidInput(
            f"the picture has more than 8 bits a channel ({opened.mode}); convert it to 8",
            field=field,
        )


def _is_deep(opened: Any) -> bool:
    """Whether a PNG or TIFF has 16 bits: Pillow reads colours of 16 bits as 8 without a word."""
    if opened.format == "TIFF":
        bits = opened.tag_v2.get(258, (8,))
        return bool(max(bits if isinstance(bits, tuple) else (bits,)) > 8)
    if opened.format == "PNG":
        raw = opened.fp.getbuffer() if hasattr(opened.fp, "getbuffer") else b""
        # The header's bit depth stands at a fixed place.
        return len(raw) > 24 and raw[24] > 8
    return False


def _pdf_pages(raw: bytes, limits: Limits, field: str) -> Iterator[Image]:
    import pypdfium2

    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(raw)
        except pypdfium2.PdfiumError as error:
            raise InvalidInput(
                "the PDF cannot be opened: broken, or with a password", field=field
            ) from error
        try:
            count = len(document)
            if count > limits.max_pages:
                raise PayloadTooLarge(
                    f"a document has at most {limits.max_pages} pages; this one has {count}",
                    field=field,
                )
            for number in range(count):
                page = document[number]
                yield _drawn(page, limits)
        except pypdfium2.PdfiumError as error:
            raise InvalidInput("a page of the PDF cannot be drawn", field=field) from error
        finally:
            document.close()


def _drawn(page: Any, limits: Limits) -> Image:
    """At 200 dots an inch, or fewer where that would be too many pixels."""
    width, height = page.get_size()
    scale = _DPI / _POINTS
    scale = min(scale, (limits.max_pixels / max(1.0, width * height)) ** 0.5)
    picture: Image = page.render(scale=scale).to_pil()
    return picture.convert("RGB")
