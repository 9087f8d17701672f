from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.api_fakes import World, build_world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Builds an app over fakes; keyword arguments are service settings."""
    made: list[World] = []

    def make(**service: Any) -> World:
        made.append(build_world(tmp_path / str(len(made)), **service))
        return made[-1]

    yield make
    for world in made:
        world.services.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client
