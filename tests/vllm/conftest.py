"""One real server for the whole session, started when the first test needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vllm.server import VllmServer, installed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that kill the engine come last: a start takes most of a minute."""
    items.sort(key=lambda item: item.get_closest_marker("kills_engine") is not None)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    if not installed():
        pytest.skip("no vLLM here; run: make test-vllm")
    server = VllmServer(tmp_path_factory.mktemp("vllm") / "vllm.log")
    yield server
    server.stop()


@pytest.fixture
def vllm(server: VllmServer) -> VllmServer:
    """The server, running; started again if a test has killed it."""
    server.ensure()
    return server
