"""How calls to a Qdrant server fail, and what becomes of dead builders."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import httpx
import orjson
import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from groundwork.core.errors import (
    ConfigurationError,
    Conflict,
    GroundworkError,
    NotFound,
    Unavailable,
)
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server import ServerStore, connect
from groundwork.retrieval.index.server_calls import Calls, shown
from groundwork.retrieval.index.server_claim import SILENCE_SECONDS
from groundwork.retrieval.index.server_place import Aliases, Place
from groundwork.retrieval.index.server_writer import ServerWriter
from tests.contracts.index_world import POINTS, A, B, World

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    made = QdrantClient(":memory:")
    yield made
    made.close()


@pytest.fixture
def world(client: QdrantClient) -> World:
    return World(ServerStore(client), "docs")


class Flaky:
    """Fails as often as told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def refusal(status: int) -> UnexpectedResponse:
    return UnexpectedResponse(status, "reason", b"what it said", httpx.Headers())


CUT = ResponseHandlingException(httpx.ConnectError("refused"))


@pytest.mark.parametrize("errors", [(CUT,), (CUT, refusal(503)), (refusal(429),)])
def test_what_may_pass_is_tried_again(client: QdrantClient, errors: tuple[Exception, ...]) -> None:
    pauses: list[float] = []
    calls = Calls(client, "http://here", pauses.append)
    assert calls(Flaky(*errors)) == "answer"
    assert pauses == [0.2, 1.0][: len(errors)]


@pytest.mark.parametrize(
    ("error", "raised", "tries"),
    [
        (CUT, Unavailable, 3),
        (refusal(500), Unavailable, 3),
        (refusal(404), NotFound, 1),
        (refusal(401), ConfigurationError, 1),
        (refusal(403), ConfigurationError, 1),
        (refusal(400), GroundworkError, 1),
        (ValueError("Collection x not found"), NotFound, 1),
    ],
)
def test_what_does_not_pass_is_told(
    client: QdrantClient, error: Exception, raised: type[GroundworkError], tries: int
) -> None:
    broken = Flaky(*[error] * 9)
    with pytest.raises(raised) as told:
        Calls(client, "http://here", lambda _: None)(broken)
    assert broken.asked == tries
    assert type(told.value) is raised
    if not isinstance(error, ValueError):
        assert "http://here" in told.value.detail


def test_other_mistakes_are_not_hidden(client: QdrantClient) -> None:
    with pytest.raises(ValueError, match="something else"):
        Calls(client, "here")(Flaky(ValueError("something else")))


def test_messages_show_no_credentials() -> None:
    assert shown("https://me:secret@db.example:6333/path?key=1") == "https://db.example:6333/path"


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        store = connect(f"http://me:secret@127.0.0.1:{port}", None, 1.0)
        store._calls.pause = lambda _: None
        with pytest.raises(Unavailable) as told:
            store.names()
        store.close()
    assert f"http://127.0.0.1:{port}" in told.value.detail
    assert "secret" not in told.value.detail


def abandoned(client: QdrantClient, now: float) -> ServerWriter:
    writer = ServerWriter(Calls(client, "here"), "docs", 64, None, clock=lambda: now)
    writer.__enter__()
    writer.upsert(POINTS)
    return writer


def building(client: QdrantClient) -> list[str]:
    return [entry.name for entry in client.get_collections().collections]


def pretend(client: QdrantClient, host: str, process: int, at: float) -> None:
    (collection,) = building(client)
    sign = orjson.dumps({"host": host, "process": process, "at": at})
    layout.write_blob(Calls(client, "here"), Place(collection), layout.SIGN, sign)


def test_a_builder_elsewhere_keeps_others_out_until_it_is_silent(client: QdrantClient) -> None:
    abandoned(client, 1_000_000.0)
    pretend(client, "elsewhere", 7, 1_000_000.0)
    (left_behind,) = building(client)
    soon = ServerWriter(Calls(client, "here"), "docs", 64, None, clock=lambda: 1_000_030.0)
    with pytest.raises(Conflict, match="process 7 on elsewhere is writing to index docs"):
        soon.__enter__()
    assert building(client) == [left_behind]
    late = 1_000_000.0 + SILENCE_SECONDS + 1
    with ServerWriter(Calls(client, "here"), "docs", 64, None, clock=lambda: late):
        assert left_behind not in building(client)
    assert building(client) == []


def test_a_builder_that_died_here_is_cleared_at_once(client: QdrantClient, world: World) -> None:
    abandoned(client, 1_000_000.0)
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    pretend(client, socket.gethostname(), gone, 1e12)
    world.build(A, POINTS)
    assert [info.version for info in world.store.versions("docs")] == [A]
    assert len(building(client)) == 1


def test_two_that_begin_together_never_both_go_on(
    client: QdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looks for others before the first has created anything."""
    monkeypatch.setattr("groundwork.retrieval.index.server_claim.left_behind", lambda *_: [])
    first = ServerWriter(Calls(client, "here"), "docs", 64, None)
    second = ServerWriter(Calls(client, "here"), "docs", 64, None)
    with first, pytest.raises(Conflict):
        second.__enter__()


def test_removed_points_of_a_base_are_never_copied(client: QdrantClient, world: World) -> None:
    world.live(A, POINTS)
    world.build(B, POINTS[1:], base=A, remove=[POINTS[0].chunk.id], change=[])
    place = Aliases(Calls(client, "here")).place("docs", B)
    assert place is not None
    collection = place.collection
    assert client.count(collection).count == len(POINTS) - 1 + sum(
        1 for each in client.scroll(collection, limit=100)[0] if layout.BLOB in (each.payload or {})
    )


def test_other_collections_are_left_alone(client: QdrantClient, world: World) -> None:
    for name in ("docs", "docs__notes", "docs-two__data-00000001-00000000"):
        client.create_collection(name, vectors_config={})
    world.build(A, POINTS)
    assert {"docs", "docs__notes", "docs-two__data-00000001-00000000"} <= set(building(client))
    assert world.store.names() == ["docs"]
