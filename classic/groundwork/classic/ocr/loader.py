"""A release of the registry as a reader: for services that follow it, and to check one before it goes live."""

from __future__ import annotations

import shutil
from pathlib import Path

from groundwork.classic.ocr.predict import open_reader
from groundwork.classic.ocr.reader import Reader
from groundwork.core.registry.base import Registered, Registry
from groundwork.core.settings import Settings


class OcrLoader:
    """A `follow.Loader`. A release has read a blank picture before it answers: what cannot run fails here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def load(self, release: Registered, folder: Path) -> Reader:  # noqa: ARG002 - the files say it all
        """From a release's files. Raises ConfigurationError."""
        from PIL import Image

        reader = open_reader(self._settings, folder)
        reader.warm(Image.new("RGB", (320, 200), "white"))
        return reader

    def close(self, value: Reader, /) -> None:
        """Its memory goes with it."""


class LoadCarrier:
    """A `promotion.Carrier`: nothing goes live that does not load."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry, self._settings = registry, settings

    def check(self, release: Registered) -> None:
        """As a service loads it. Raises ConfigurationError."""
        folder = self._settings.home / "ocr" / "checked" / release.id
        loader = OcrLoader(self._settings)
        try:
            loader.close(loader.load(release, self._registry.files(release, folder)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def carry(self, release: Registered) -> None:
        """The alias is all there is."""
