from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.store import AnswerStore
from tests.postgres import empty_tables, new_database
from tests.serving.api_fakes import World, build_world


@pytest.fixture(scope="session")
def serving_postgres(postgres_server: str) -> str:
    """A database whose tables are made; emptied between tests, because making them takes longer."""
    url = new_database(postgres_server, "serving")
    AnswerStore(url).close()
    ConversationStore(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without a row in it; the SQLite file and its folder are not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'er' / 'ledger.sqlite'}"
    url: str = request.getfixturevalue("serving_postgres")
    empty_tables(url, keep="alembic_version")
    return url


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
