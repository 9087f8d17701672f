"""The generator that the settings name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import GeneratorSettings
from groundwork.retrieval.embed.base import Embedder
from groundwork.serving.engine.base import Engine
from groundwork.serving.generate.base import Generator

# What may stand behind the colon of a model's name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def create_generator(
    settings: GeneratorSettings, engines: Mapping[str, Engine], embedder: Embedder
) -> Generator:
    """Quotes where there is no engine; else a router over one generator an engine.

    `engines` are by their names in the settings, in the settings' order. Raises ConfigurationError for a name
    that callers could not use.
    """
    from groundwork.serving.generate.extractive import ExtractiveGenerator
    from groundwork.serving.generate.router import EXTRACTIVE, Route, RoutedGenerator

    extractive = ExtractiveGenerator(settings)
    if not engines:
        return extractive
    for name in engines:
        if name == EXTRACTIVE or not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"a generator cannot be named {name!r}; use letters, digits, '.', '_' and '-', and not "
                f"{EXTRACTIVE!r}, which quotes",
                field="generator.more",
            )
    from groundwork.serving.generate.llm import LLMGenerator

    routes = [
        Route(name, settings.engines[name].tier, LLMGenerator(engine, settings, embedder))
        for name, engine in engines.items()
    ]
    return RoutedGenerator(
        routes, extractive, by_tier=settings.route == "tier", fallback=settings.fallback
    )
