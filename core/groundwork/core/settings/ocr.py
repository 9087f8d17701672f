"""Settings of reading documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from groundwork.core.settings.base import Part


class OcrSettings(Part):
    """Which models read cards and documents, and how large a document may be."""

    engine: Literal["groundwork", "rapidocr", "tesseract"] = Field(
        "groundwork",
        description="What reads the lines: groundwork (the release in force), rapidocr (the extra of that"
        " name) or tesseract (the program).",
    )
    name: str = Field("cards", description="The line of releases that answers.")
    max_bytes: int = Field(20 * 2**20, gt=0, description="The largest document.")
    max_pixels: int = Field(
        25_000_000, ge=10_000, description="The most pixels of a picture, or of a page."
    )
    max_pages: int = Field(20, gt=0, description="The most pages of a request, in all documents.")
    max_concurrency: int = Field(2, gt=0, description="Documents that are read at once.")
