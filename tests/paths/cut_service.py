"""The service over a fake index and an engine elsewhere, to be killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from groundwork.core.settings import GeneratorSettings
from groundwork.serving.app import create_app
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.generate.factory import create_generator
from tests.serving.api_fakes import World, build_world


def with_engine(world: World, settings: GeneratorSettings) -> tuple[World, HttpEngine]:
    """The world with a generator that writes with the engine at `settings.url`."""
    engine = HttpEngine("default", settings)
    engines = {"default": engine}
    assistant = replace(
        world.services.assistant, generator=create_generator(settings, engines, world.embedder)
    )
    world.services = replace(world.services, assistant=assistant, engines=engines)
    world.app = create_app(world.settings, world.services)
    return world, engine


def app(home: Path, url: str) -> FastAPI:
    """Words leave at once, and an engine that hangs is waited for."""
    settings = GeneratorSettings(url=url, unsupported="flag", idle_seconds=60)
    world, _ = with_engine(build_world(home), settings)
    return world.app
