"""What every engine owes: one result a crop in order, of any size, with confidences that fit the text."""

from __future__ import annotations

import random
import shutil
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from groundwork.classic.ocr.data.fonts import TRAIN, opened
from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.engines.open import open_engine
from groundwork.classic.ocr.engines.own import OwnEngine
from groundwork.classic.ocr.engines.rapid import RapidEngine
from groundwork.classic.ocr.engines.tesseract import TesseractEngine
from groundwork.classic.ocr.model import Models
from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import OcrSettings, Settings
from tests.classic.ocr.fonts import book_of

TEXTS = ("PASSPORT", "12.04.1987", "Thompson Street 14", "TOTAL 109.50")


def crop(text: str, size: int = 30) -> Any:
    """Black on white, in a plain face."""
    face = book_of(TRAIN).face("card", random.Random(2))
    font = opened(face.path, size)
    picture = Image.new("L", (int(font.getlength(text)) + size, int(size * 1.6)), 245)
    ImageDraw.Draw(picture).text((size // 2, size // 5), text, 20, font)
    return np.asarray(picture)


@pytest.fixture(scope="module", params=["groundwork", "beam", "rapidocr", "tesseract"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "rapidocr":
        if find_spec("rapidocr_onnxruntime") is None:
            pytest.skip("the extra rapidocr is not installed")
        return RapidEngine()
    if request.param == "tesseract":
        if shutil.which("tesseract") is None:
            pytest.skip("apt-get install tesseract-ocr")
        return TesseractEngine()
    return OwnEngine(Models.load(), 4 if request.param == "beam" else 1)


def test_clean_print_is_read_in_order(engine: Engine) -> None:
    found = engine.read(
        [crop(one, size) for one, size in zip(TEXTS, (30, 22, 40, 30), strict=True)]
    )
    assert [one.text.replace(" ", "") for one in found] == [one.replace(" ", "") for one in TEXTS]
    for one in found:
        assert len(one.probabilities) == len(one.text)
        assert all(0 <= sure <= 1 for sure in one.probabilities)
        assert one.confidence > 0.5


def test_no_crops(engine: Engine) -> None:
    assert engine.read([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (32, 32)])
def test_crops_without_print(engine: Engine, shape: tuple[int, int]) -> None:
    [found] = engine.read([np.full(shape, 255, np.uint8)])
    assert len(found.probabilities) == len(found.text)
    assert len(found.text) <= 2


def test_the_setting_chooses() -> None:
    models = Models.load()
    for name, kind in (
        ("groundwork", OwnEngine),
        ("rapidocr", RapidEngine),
        ("tesseract", TesseractEngine),
    ):
        settings = Settings(ocr=OcrSettings.model_validate({"engine": name}))
        found = open_engine(settings, models)
        assert isinstance(found, kind)
        assert found.name == name


def test_models_that_are_broken_say_which(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="no models of the reader"):
        Models.load(tmp_path)
    held = Models.load()
    broken = Models({**held.files, "recogniser.onnx": b"nothing"}, held.characters)
    with pytest.raises(ConfigurationError, match=r"recogniser\.onnx cannot be opened"):
        OwnEngine(broken).read([np.zeros((32, 64), np.uint8)])
    with pytest.raises(ConfigurationError, match="no models of the reader"):
        Models.of({"alphabet.json": b"{}"})
