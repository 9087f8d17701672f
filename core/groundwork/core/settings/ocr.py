"""Settings of reading documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from groundwork.core.settings.base import Part


class OcrSettings(Part):
    """Which models read cards and documents."""

    engine: Literal["groundwork", "rapidocr", "tesseract"] = Field(
        "groundwork",
        description="What reads the lines: groundwork (the release in force), rapidocr (the extra of that"
        " name) or tesseract (the program).",
    )
