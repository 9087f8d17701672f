"""The configured engines."""

from __future__ import annotations

from groundwork.core.settings import Settings
from groundwork.serving.engine.client import HttpEngine


def engines_of(settings: Settings) -> dict[str, HttpEngine]:
    """By name, in the settings' order; empty where answers are extractive. Opens nothing.

    Raises ConfigurationError for an address that is none.
    """
    return {name: HttpEngine(name, engine) for name, engine in settings.generator.engines.items()}
