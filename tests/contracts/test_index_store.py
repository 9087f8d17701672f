"""What every vector engine must do, on each of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.core.errors import Conflict, IndexMissing, InvalidInput, NotFound
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.index.base import LIVE, PREVIOUS, Filter, IndexStore, Point
from groundwork.retrieval.index.edge import EdgeStore
from groundwork.retrieval.index.manifest import Manifest, PageEntry
from groundwork.retrieval.index.memory import MemoryStore
from groundwork.retrieval.index.server import ServerStore
from groundwork.retrieval.sparse import document_vector, query_vector

EMBEDDER = HashingEmbedder(64)
A, B = "a" * 16, "b" * 16

pytestmark = pytest.mark.filterwarnings(
    # Local mode of the server's client says that it builds no payload index; a server does.
    "ignore:Payload indexes have no effect:UserWarning"
)


@pytest.fixture(params=["memory", "edge", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IndexStore]:
    made: IndexStore
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "edge":
        made = EdgeStore(tmp_path / "indexes")
    else:
        from qdrant_client import QdrantClient

        made = ServerStore(QdrantClient(":memory:"))
    yield made
    made.close()


def point(page: str, n: int, text: str, tags: tuple[str, ...] = ()) -> Point:
    read = f"Title > {page}\n{text}"
    chunk = Chunk(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{page}#{n}")),
        page=page,
        ordinal=n,
        title="Title",
        url=None,
        anchor=f"s{n}",
        heading_path=("Title", f"Section {n}"),
        revision="r1",
        start=0,
        end=len(text),
        text=text,
        embedding_text=read,
        digest=hashlib.sha256(read.encode()).hexdigest()[:32],
        units=(Unit(BlockKind.PARAGRAPH, 0, len(text)),),
        tags=tags,
        product_version="2.0" if tags else None,
    )
    units = np.full((1, 64), n, dtype=np.int8)
    return Point(chunk, EMBEDDER.embed([read])[0], document_vector(read), units)


POINTS = [
    point("guide/install.md", 0, "Install the server with the package manager."),
    point("guide/install.md", 1, "Start the server and open the port."),
    point("guide/backup.md", 0, "Back up the database every night.", tags=("ops",)),
    point(
        "reference/flags.md", 0, "The flag --dry-run prints what json.dumps would write. ünïcode ✓"
    ),
]


def manifest(version: str, points: list[Point], created: str = "2026-01-01T00:00:00Z") -> bytes:
    pages = sorted({each.chunk.page for each in points})
    entries = tuple(
        PageEntry(page, "h", "r1", "T", None, tuple("d" for p in points if p.chunk.page == page))
        for page in pages
    )
    return Manifest("docs", version, created, None, {"embedder": "e"}, ("s",), entries).to_json()


def build(
    store: IndexStore,
    version: str,
    points: list[Point],
    base: str | None = None,
    remove: list[str] = [],
    created: str = "2026-01-01T00:00:00Z",
) -> None:  # noqa: B006 never changed
    with store.begin("docs", dimension=64, base=base) as writer:
        writer.remove(remove)
        writer.upsert(points)
        writer.put_blob("manifest", manifest(version, points, created))
        writer.put_blob("lexicon", b"x" * 1_200_000)
        writer.seal(version)


def ask(store: IndexStore, text: str, where: Filter | None = None, limit: int = 10) -> list[str]:
    reader = store.open("docs")
    try:
        found = reader.candidates(EMBEDDER.embed([text])[0], query_vector(text), limit, where)
        found.sort(key=lambda c: (-c.dense - c.sparse, c.id))
        return [stored.chunk.page for stored in reader.fetch([c.id for c in found])]
    finally:
        reader.close()


def test_a_version_is_invisible_until_it_is_sealed_and_promoted(store: IndexStore) -> None:
    with store.begin("docs", dimension=64) as writer:
        writer.upsert(POINTS)
        writer.put_blob("manifest", manifest(A, POINTS))
        assert store.names() == []
        writer.seal(A)
    assert [info.version for info in store.versions("docs")] == [A]
    assert store.alias("docs") is None
    with pytest.raises(IndexMissing):
        store.open("docs")
    store.promote("docs", A)
    assert store.alias("docs", LIVE) == A
    assert store.alias("docs", PREVIOUS) is None


def test_an_unsealed_version_leaves_nothing(store: IndexStore) -> None:
    with store.begin("docs", dimension=64) as writer:
        writer.upsert(POINTS)
    assert store.names() == []
    build(store, A, POINTS)
    assert store.names() == ["docs"]


def test_chunks_come_back_whole_in_the_order_asked(store: IndexStore) -> None:
    build(store, A, POINTS)
    store.promote("docs", A)
    reader = store.open("docs")
    ids = [each.chunk.id for each in reversed(POINTS)]
    stored = reader.fetch([ids[0], str(uuid.uuid4()), *ids[1:]])
    assert [each.chunk for each in stored] == [each.chunk for each in reversed(POINTS)]
    for got, sent in zip(stored, reversed(POINTS), strict=True):
        assert got.units is not None and sent.units is not None
        assert np.array_equal(got.units, sent.units)
    assert reader.blob("lexicon") == b"x" * 1_200_000
    assert reader.blob("absent") is None
    reader.close()
    reader.close()


def test_both_scores_are_exact_for_every_candidate(store: IndexStore) -> None:
    build(store, A, POINTS)
    store.promote("docs", A)
    exact = MemoryStore()
    build(exact, A, POINTS)
    exact.promote("docs", A)
    for text in ("install the server", "json.dumps", "database backup night", "nothing shared"):
        query = (EMBEDDER.embed([text])[0], query_vector(text), 2)
        got = store.open("docs").candidates(*query)
        want = exact.open("docs").candidates(*query)
        assert [c.id for c in got] == [c.id for c in want]
        for mine, theirs in zip(got, want, strict=True):
            assert mine.dense == pytest.approx(theirs.dense, abs=1e-5)
            assert mine.sparse == pytest.approx(theirs.sparse, abs=1e-4)


@pytest.mark.parametrize(
    ("where", "pages"),
    [
        (Filter(path=("guide",)), {"guide/install.md", "guide/backup.md"}),
        (Filter(path=("guide/backup.md",)), {"guide/backup.md"}),
        (Filter(path=("/reference/",)), {"reference/flags.md"}),
        (Filter(section=("SECTION 1",)), {"guide/install.md"}),
        (Filter(tags=("ops",)), {"guide/backup.md"}),
        (Filter(version=("2.0",)), {"guide/backup.md"}),
        (Filter(path=("guide",), section=("section 0",)), {"guide/install.md", "guide/backup.md"}),
        (Filter(path=("guid",)), set()),
        (Filter(tags=("ops", "other"), path=("reference",)), set()),
    ],
)
def test_filters_narrow(store: IndexStore, where: Filter, pages: set[str]) -> None:
    build(store, A, POINTS)
    store.promote("docs", A)
    assert set(ask(store, "server database flag json.dumps", where)) == pages


def test_the_next_version_is_the_base_with_a_difference(store: IndexStore) -> None:
    build(store, A, POINTS)
    store.promote("docs", A)
    gone = [each.chunk.id for each in POINTS if each.chunk.page == "guide/backup.md"]
    fresh = point("guide/restore.md", 0, "Restore the database from a backup.")
    build(store, B, [fresh], base=A, remove=gone, created="2026-01-02T00:00:00Z")
    assert "guide/backup.md" in ask(store, "database")
    store.promote("docs", B)
    pages = ask(store, "restore the database")
    assert pages[0] == "guide/restore.md"
    assert "guide/backup.md" not in pages
    assert len(pages) == 4
    assert [info.version for info in store.versions("docs")] == [B, A]


def test_a_reader_keeps_its_version(store: IndexStore) -> None:
    build(store, A, POINTS)
    store.promote("docs", A)
    reader = store.open("docs")
    build(store, B, [POINTS[0]], created="2026-01-02T00:00:00Z")
    store.promote("docs", B)
    assert reader.version == A
    assert len(reader.fetch([each.chunk.id for each in POINTS])) == 4
    reader.close()
    assert set(ask(store, "server")) == {"guide/install.md"}


def test_sealing_an_existing_version_keeps_the_first(store: IndexStore) -> None:
    build(store, A, POINTS)
    build(store, A, POINTS[:1])
    store.promote("docs", A)
    assert len(ask(store, "server")) == 4


def test_rollback_and_drop(store: IndexStore) -> None:
    for number, version in enumerate((A, B, "c" * 16)):
        build(store, version, POINTS, created=f"2026-01-0{number + 1}T00:00:00Z")
        store.promote("docs", version)
    assert (store.alias("docs"), store.alias("docs", PREVIOUS)) == ("c" * 16, B)
    store.promote("docs", B)
    assert (store.alias("docs"), store.alias("docs", PREVIOUS)) == (B, "c" * 16)
    for held in (B, "c" * 16):
        with pytest.raises(Conflict):
            store.drop("docs", held)
    store.drop("docs", A)
    assert A not in {info.version for info in store.versions("docs")}
    with pytest.raises(NotFound):
        store.open("docs", A)


def test_one_writer_at_a_time(store: IndexStore) -> None:
    with store.begin("docs", dimension=64):
        with pytest.raises(Conflict):
            store.begin("docs", dimension=64).__enter__()
    build(store, A, POINTS)


@pytest.mark.parametrize("call", ["manifest", "open", "promote", "drop"])
def test_unknown_versions_are_not_found(store: IndexStore, call: str) -> None:
    build(store, A, POINTS)
    with pytest.raises(NotFound):
        getattr(store, call)("docs", "../../etc")


@pytest.mark.parametrize("name", ["", "Docs", "a/b", "..", "a__b", "x" * 64])
def test_wrong_index_names_are_refused(store: IndexStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.versions(name)


def test_equal_scores_are_ordered_by_id(store: IndexStore) -> None:
    same = [point(f"p{n}.md", 0, "the very same words") for n in range(40)]
    build(store, A, same)
    store.promote("docs", A)
    reader = store.open("docs")
    orders: set[tuple[str, ...]] = set()
    query: Callable[[], list[str]] = lambda: [  # noqa: E731 read best in place
        c.id
        for c in reader.candidates(
            EMBEDDER.embed(["same words"])[0], query_vector("same words"), 10
        )
    ]
    for _ in range(3):
        orders.add(tuple(query()))
    assert len(orders) == 1
    reader.close()
