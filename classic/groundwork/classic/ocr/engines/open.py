"""The engine that the settings ask for."""

from __future__ import annotations

from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.engines.own import OwnEngine
from groundwork.classic.ocr.engines.rapid import RapidEngine
from groundwork.classic.ocr.engines.tesseract import TesseractEngine
from groundwork.classic.ocr.model import Models
from groundwork.core.settings import Settings


def open_engine(settings: Settings, models: Models) -> Engine:
    """`models` are of the release in force; only our own engine uses them."""
    if settings.ocr.engine == "rapidocr":
        return RapidEngine()
    if settings.ocr.engine == "tesseract":
        return TesseractEngine()
    return OwnEngine(models)
