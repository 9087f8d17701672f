"""Many indexes in one collection of a Qdrant server: none sees another."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from groundwork.core.errors import ConfigurationError, Conflict, NotFound
from groundwork.core.progress import NoProgress
from groundwork.retrieval.archives import export, restore
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.base import Filter
from groundwork.retrieval.index.memory import MemoryStore
from groundwork.retrieval.index.server import ServerStore, connect
from groundwork.retrieval.index.server_options import Access, ServerOptions
from groundwork.retrieval.index.server_place import TENANT, Aliases, Place
from tests.contracts.index_world import DIMENSION, POINTS, A, B, World, ask, point
from tests.contracts.test_index_archive import build
from tests.retrieval.qdrant_double import QdrantDouble, running_double

ONE = f"groundwork__tenants-{DIMENSION}"
# The same pages in another index: the same chunk ids, other text.
OTHERS = [point(each.chunk.page, each.chunk.ordinal, "The server of others.") for each in POINTS]


@pytest.fixture
def double() -> Iterator[QdrantDouble]:
    with running_double() as made:
        yield made


def opened(double: QdrantDouble, *, shared: bool = True) -> ServerStore:
    access = Access(double.url, double.url)
    return connect(double.url, None, 30.0, ServerOptions(shared=shared, access=access))


@pytest.fixture
def store(double: QdrantDouble) -> Iterator[ServerStore]:
    made = opened(double)
    yield made
    made.close()


def tenants(double: QdrantDouble) -> set[str]:
    points, _ = double._client.scroll(ONE, limit=10_000)
    return {str((each.payload or {})[TENANT]).partition("/")[0] for each in points}


def test_one_collection_holds_all_with_an_index_of_its_tenants(
    double: QdrantDouble, store: ServerStore
) -> None:
    for name in ("docs", "handbook"):
        World(store, name).live(A, POINTS)
    assert list(double.held) == [ONE]
    index = double.held[ONE].indexes[TENANT]
    assert index.is_tenant is True
    graph = double.held[ONE].created.hnsw_config
    assert graph is not None
    assert (graph.m, graph.payload_m) == (0, 16)
    assert store.names() == ["docs", "handbook"]
    assert tenants(double) == {"docs", "handbook"}


def test_nothing_of_another_index_is_found_counted_or_fetched(store: ServerStore) -> None:
    docs, others = World(store, "docs"), World(store, "others")
    docs.live(A, POINTS)
    alone = store.open("docs")
    texts = ("server port", "back up the database", "json.dumps", "the server of others")
    before = {text: ask(alone, text, limit=50) for text in texts}
    others.live(A, OTHERS)
    for where in (None, Filter(path=("guide",)), Filter(tags=("ops",))):
        for found in ask(alone, "the server of others", where, limit=50):
            assert "others" not in alone.fetch([found.id])[0].chunk.text
    for text in texts:
        # The same scores to the last digit: rarity counts among a version's own chunks.
        assert ask(alone, text, limit=50) == before[text]
    ids = [each.chunk.id for each in POINTS]
    assert [each.chunk.text for each in alone.fetch(ids)] == [each.chunk.text for each in POINTS]
    theirs = store.open("others")
    assert {each.chunk.text for each in theirs.fetch(ids)} == {"The server of others."}
    assert sum(len(batch) for batch in theirs.points()) == len(OTHERS)


def test_what_is_dropped_or_abandoned_takes_nothing_of_others_along(
    double: QdrantDouble, store: ServerStore
) -> None:
    docs, others = World(store, "docs"), World(store, "others")
    others.live(A, OTHERS)
    docs.live(A, POINTS)
    docs.live(B, POINTS[1:], day=2)
    docs.live("c" * 16, POINTS[2:], day=3)
    store.drop("docs", A)
    with pytest.raises(NotFound):
        store.open("docs", A)

    def stopped() -> None:
        with store.begin("docs", dimension=DIMENSION) as writer:
            writer.upsert(POINTS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    points, _ = double._client.scroll(ONE, limit=10_000)
    payloads = [each.payload or {} for each in points]
    assert len({payload[TENANT] for payload in payloads}) == 3
    chunks = [payload for payload in payloads if layout.BLOB not in payload]
    assert len(chunks) == len(OTHERS) + len(POINTS[1:]) + len(POINTS[2:])
    reader = store.open("others")
    assert len(ask(reader, "server", limit=50)) == len(OTHERS)


def test_a_dead_builder_of_one_index_is_cleared_and_of_another_left_alone(
    double: QdrantDouble, store: ServerStore
) -> None:
    dead = store.begin("docs", dimension=DIMENSION)
    dead.__enter__()
    dead.upsert(POINTS)
    alive = store.begin("others", dimension=DIMENSION)
    alive.__enter__()
    alive.upsert(OTHERS)
    with pytest.raises(Conflict, match="is writing to index docs"):
        World(store, "docs").build(A, POINTS)
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    raw = layout.read_blob(store._calls, dead._place, layout.SIGN)
    assert raw is not None
    sign = raw.replace(f'"process":{os.getpid()}'.encode(), f'"process":{gone}'.encode())
    layout.write_blob(store._calls, dead._place, layout.SIGN, sign)
    World(store, "docs").live(A, POINTS)
    assert layout.count(store._calls, dead._place) == 0
    assert layout.count(store._calls, alive._place) == len(OTHERS)
    assert Aliases(store._calls).building("docs") == []


def test_both_layouts_stand_side_by_side(double: QdrantDouble, store: ServerStore) -> None:
    """Changing the setting leaves what is there where it is; the next version goes where it says."""
    plain = opened(double, shared=False)
    World(plain, "docs").live(A, POINTS)
    World(store, "docs").build(B, POINTS[1:], base=A, remove=[POINTS[0].chunk.id], change=[])
    store.promote("docs", B)
    assert (store.alias("docs"), store.alias("docs", "previous")) == (B, A)
    assert {info.version for info in plain.versions("docs")} == {A, B}
    reader = plain.open("docs")
    assert len(ask(reader, "server", limit=50)) == len(POINTS) - 1
    plain.promote("docs", A)
    assert (store.alias("docs"), store.alias("docs", "previous")) == (A, B)
    store.promote("docs", B)
    back = World(plain, "docs")
    back.build("c" * 16, POINTS[1:], base=B, change=[], day=3)
    plain.promote("docs", "c" * 16)
    assert len(ask(plain.open("docs"), "server", limit=50)) == len(POINTS) - 1
    place = Aliases(store._calls).place("docs", "c" * 16)
    assert place is not None
    assert place.tenant is None
    plain.close()


def test_a_server_that_would_weigh_in_other_tenants_words_is_refused(
    double: QdrantDouble, store: ServerStore
) -> None:
    double.version = "1.18.2"
    with pytest.raises(ConfigurationError, match=r"needs a Qdrant server from 1\.19 on") as refused:
        World(store, "docs").build(A, POINTS)
    assert refused.value.field == "index.layout"
    assert double.held == {}


def test_ids_differ_between_tenants() -> None:
    chunk = POINTS[0].chunk.id
    one, two = Place(ONE, "docs/1-a"), Place(ONE, "docs/2-b")
    assert len({chunk, one.key(chunk), two.key(chunk)}) == 3
    assert one.part("x", 0) != two.part("x", 0)


def test_an_archive_goes_in_and_out(
    store: ServerStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archives")
    memory = MemoryStore()
    version = build(memory, "docs", POINTS)
    export(memory, "docs", None, str(folder / "a"), folder, NoProgress())
    restore(store, str(folder / "a"), folder, NoProgress(), promote=True)
    export(store, "docs", version, str(folder / "b"), folder, NoProgress())
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
