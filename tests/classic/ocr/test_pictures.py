"""A stranger's bytes: each broken, huge or odd picture is a clear refusal, before it costs memory or time."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from groundwork.classic.ocr.pictures import Limits, open_pages
from groundwork.classic.ocr.reading import Line, Quad, Reading
from groundwork.classic.ocr.signals import image_signals
from groundwork.core.errors import (
    InvalidInput,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from groundwork.core.monitoring.drift.standard import IMAGES

NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 255, (40, 60, 3), dtype=np.uint8))
LIMITS = Limits(max_bytes=2_000_000, max_pixels=2_000_000, max_pages=4)


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def plain(mode: str = "RGB", size: tuple[int, int] = (120, 80)) -> Image.Image:
    return Image.new(mode, size, "white" if mode in {"RGB", "L", "P", "1"} else None)


def claimed(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is this large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    body = (
        chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_formats_are_read(form: str) -> None:
    (page,) = open_pages(encoded(plain(), form), LIMITS)
    assert (page.mode, page.size) == ("RGB", (120, 80))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_eight_bits_of_any_kind_become_colours(mode: str) -> None:
    (page,) = open_pages(encoded(plain(mode)), LIMITS)
    assert page.mode == "RGB"


def test_a_picture_is_turned_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[274] = 6
    (page,) = open_pages(encoded(plain(), "JPEG", exif=exif), LIMITS)
    assert page.size == (80, 120)


def _tiff(pages: int) -> bytes:
    first, *rest = [plain() for _ in range(pages)]
    return encoded(first, "TIFF", save_all=True, append_images=rest)


def _animated(form: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:])


def _sixteen(form: str) -> bytes:
    return encoded(Image.fromarray(np.zeros((40, 40), dtype=np.uint16)), form)


def _sixteen_colours() -> bytes:
    raw = bytearray(claimed(40, 40))
    raw[24] = 16
    raw[29:33] = struct.pack(">I", zlib.crc32(bytes(raw[12:29])))
    return bytes(raw)


REFUSED = {
    "empty": (b"", InvalidInput, "empty"),
    "text": (b"hello, world", UnsupportedMediaType, "no picture"),
    "html": (b"<html><script>", UnsupportedMediaType, "no picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedMediaType, "no picture"),
    "gif": (encoded(plain("P"), "GIF"), UnsupportedMediaType, "GIF is not read"),
    "cut off": (encoded(NOISE.resize((400, 300)), "JPEG")[:9000], InvalidInput, "broken"),
    "only a header": (b"\x89PNG\r\n\x1a\n", UnsupportedMediaType, "no picture"),
    "too many bytes": (b"\x89PNG\r\n\x1a\n" + b"0" * 3_000_000, PayloadTooLarge, "bytes"),
    "too many pixels": (encoded(plain("1", (2000, 2000))), PayloadTooLarge, "pixels"),
    "a bomb": (claimed(60_000, 60_000), PayloadTooLarge, "60000 x 60000"),
    "too small": (encoded(plain(size=(3, 90))), InvalidInput, "too few"),
    "cmyk": (encoded(plain("CMYK"), "JPEG"), InvalidInput, "CMYK"),
    "16 bits": (_sixteen("PNG"), InvalidInput, "8 bits"),
    "16 bits, tiff": (_sixteen("TIFF"), InvalidInput, "8 bits"),
    "16 bits, colours": (_sixteen_colours(), InvalidInput, "8 bits"),
    "animated png": (_animated("PNG"), InvalidInput, "animated"),
    "animated webp": (_animated("WEBP"), InvalidInput, "animated"),
    "too many pages": (_tiff(5), PayloadTooLarge, "4 pages"),
    "broken pdf": (b"%PDF-1.7\nnot really", InvalidInput, "PDF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_clearly(name: str) -> None:
    raw, kind, said = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=said) as refusal:
            open_pages(raw, LIMITS)
        assert 400 <= refusal.value.status < 500
        # A bomb is known by its header.
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_pages_of_a_tiff_and_of_a_pdf_are_pictures() -> None:
    assert len(open_pages(_tiff(3), LIMITS)) == 3
    first, second = plain(size=(300, 200)), plain(size=(200, 300))
    pdf = encoded(first, "PDF", save_all=True, append_images=[second], resolution=72)
    pages = open_pages(pdf, LIMITS)
    assert [page.width > page.height for page in pages] == [True, False]
    # Drawn at 200 dots an inch, within the limit of pixels.
    assert pages[0].width == pytest.approx(300 * 200 / 72, abs=2)
    tight = Limits(2_000_000, 100_000, 4)
    assert all(page.width * page.height <= 101_000 for page in open_pages(pdf, tight))


WHOLE = {form: encoded(NOISE, form) for form in ("JPEG", "PNG", "WEBP", "TIFF")}


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.data())
def test_damage_anywhere_is_a_picture_or_a_refusal(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]))
    raw = bytearray(WHOLE[form])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(1, len(raw)))]
    # Anything else that it raises fails the test.
    with suppress(InvalidInput, PayloadTooLarge, UnsupportedMediaType):
        assert all(page.mode == "RGB" for page in open_pages(bytes(raw), LIMITS))


def test_signals_have_the_names_that_are_watched_and_say_nothing_of_the_text(
    tmp_path: Path,
) -> None:
    quad = Quad(((0, 0), (9, 0), (9, 9), (0, 9)))
    reading = Reading(200, 100, None, (Line("SECRET", 0.9, quad),))
    sharp = Image.effect_noise((200, 100), 80)
    blurred = sharp.resize((20, 10)).resize((200, 100))
    values, soft = image_signals(sharp, reading), image_signals(blurred, reading)
    assert set(values) == {feature.name for feature in IMAGES}
    assert values["sharpness"] > 2 * soft["sharpness"]
    assert values["characters"] == 6
    assert values["outcome"] == "page"
    assert len(values["image"]) == 128
    assert "SECRET" not in str(values)
    dark = image_signals(sharp.point(lambda v: v // 3), reading)
    assert dark["brightness"] < values["brightness"]
