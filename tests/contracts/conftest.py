"""Every engine behind the protocol, each with an index of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from groundwork.retrieval.index.edge import EdgeStore
from groundwork.retrieval.index.memory import MemoryStore
from groundwork.retrieval.index.server import ServerStore, connect
from groundwork.retrieval.index.server_options import Access, ServerOptions
from tests.contracts.index_world import POINTS, A, World
from tests.retrieval.qdrant_double import running_double

SERVER = "GROUNDWORK_TEST_QDRANT_URL"
ENGINES = ["memory", "edge", "qdrant-local", "qdrant-double", "tenants-local"]
if SERVER in os.environ:
    ENGINES += ["qdrant-server", "tenants-server"]


def _remove(client: QdrantClient, index: str) -> None:
    for entry in client.get_collections().collections:
        if entry.name.startswith((f"{index}__", "groundwork__tenants-")):
            client.delete_collection(entry.name)


@contextlib.contextmanager
def _world(engine: str, folder: Callable[[], Path]) -> Iterator[World]:
    index = f"docs-{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        if engine == "memory":
            yield World(MemoryStore(), index)
        elif engine == "edge":
            yield World(EdgeStore(folder()), index)
        elif engine.endswith("-local"):
            client = QdrantClient(":memory:")
            stack.callback(client.close)
            options = ServerOptions(shared=engine.startswith("tenants"))
            yield World(ServerStore(client, options=options), index, keeps_dropped=False)
        else:
            real = engine.endswith("-server")
            url = os.environ[SERVER] if real else stack.enter_context(running_double()).url
            client = QdrantClient(url=url, check_compatibility=False)
            stack.callback(client.close)
            stack.callback(_remove, client, index)
            shared = engine.startswith("tenants")
            options = ServerOptions(shared=shared, access=Access(url, url))
            store = connect(url, None, 30.0, options)
            stack.callback(store.close)
            yield World(store, index, keeps_dropped=False)


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty index."""
    with _world(request.param, lambda: tmp_path / "indexes") as made:
        yield made


@pytest.fixture(scope="module", params=ENGINES)
def stocked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """An index whose live version A holds POINTS; for tests that only read."""
    with _world(request.param, lambda: tmp_path_factory.mktemp("indexes")) as made:
        made.live(A, POINTS)
        yield made
