"""How versions come, go and follow each other, on every engine."""

from __future__ import annotations

import pytest

from groundwork.core.errors import (
    Conflict,
    GroundworkError,
    IndexMissing,
    InvalidInput,
    NotFound,
)
from groundwork.retrieval.index.base import LIVE, MANIFEST, PREVIOUS
from tests.contracts.index_world import (
    DIMENSION,
    POINTS,
    A,
    B,
    C,
    World,
    ask,
    manifest,
    pages,
    point,
)

pytestmark = [
    # The server's client without a server says that it builds no payload indexes and always searches exactly.
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]

NEXT = point("guide/restore.md", 0, "Restore the database from a backup.")


def test_a_version_is_invisible_until_it_is_sealed_and_promoted(world: World) -> None:
    store, index = world.store, world.index
    with store.begin(index, dimension=DIMENSION) as writer:
        writer.upsert(POINTS)
        writer.put_blob(MANIFEST, manifest(A, POINTS, "2026-01-01T00:00:00Z"))
        assert index not in store.names()
        assert store.versions(index) == []
        with pytest.raises(NotFound):
            store.open(index, A)
        writer.seal(A)
    assert index in store.names()
    (info,) = store.versions(index)
    assert (info.version, info.pages, info.chunks, info.refusal) == (A, 4, 5, None)
    assert store.alias(index) is None
    with pytest.raises(IndexMissing):
        store.open(index)
    store.promote(index, A)
    assert store.alias(index, LIVE) == A
    assert store.alias(index, PREVIOUS) is None
    assert store.manifest(index, A) == manifest(A, POINTS, "2026-01-01T00:00:00Z")


def test_an_abandoned_version_leaves_nothing(world: World) -> None:
    def stopped() -> None:
        with world.store.begin(world.index, dimension=DIMENSION) as writer:
            writer.upsert(POINTS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert world.index not in world.store.names()
    world.build(A, POINTS)
    assert world.index in world.store.names()


def test_a_sealed_writer_takes_nothing_more(world: World) -> None:
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        writer.upsert(POINTS)
        writer.put_blob(MANIFEST, manifest(A, POINTS, "2026-01-01T00:00:00Z"))
        writer.seal(A)
        with pytest.raises(Conflict):
            writer.upsert(POINTS)
        with pytest.raises(Conflict):
            writer.put_blob("late", b"")


def test_a_version_needs_a_manifest_that_counts_its_chunks(world: World) -> None:
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        writer.upsert(POINTS)
        with pytest.raises(Conflict):
            writer.seal(A)
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        writer.upsert(POINTS[:2])
        writer.put_blob(MANIFEST, manifest(A, POINTS, "2026-01-01T00:00:00Z"))
        with pytest.raises(GroundworkError, match="holds 2 chunks where its manifest counts 5"):
            writer.seal(A)
    assert world.store.versions(world.index) == []


def test_a_delta_equals_a_fresh_build(world: World) -> None:
    """Removed, replaced and added points, and the IDF that follows from them."""
    index, store = world.index, world.store
    replaced = point("guide/install.md", 0, "Install the database from the archive.")
    after = [replaced, POINTS[1], *POINTS[3:], NEXT]
    gone = [POINTS[2].chunk.id, POINTS[0].chunk.id]
    world.live(A, POINTS)
    world.build(B, after, base=A, remove=gone, change=[replaced, NEXT], day=2)
    world.build(C, after, day=3)
    assert [info.version for info in store.versions(index)] == [C, B, A]
    old, delta, fresh = (store.open(index, version) for version in (A, B, C))
    assert pages(old, ask(old, "back up the database"))[0] == "guide/backup.md"
    assert [stored.chunk for stored in delta.fetch(gone)] == [replaced.chunk]
    for text in ("restore the database", "server port", "install", "json.dumps"):
        got, want = ask(delta, text), ask(fresh, text)
        assert [found.id for found in got] == [found.id for found in want]
        assert [found.sparse for found in got] == pytest.approx([found.sparse for found in want])
        assert [found.dense for found in got] == pytest.approx([found.dense for found in want])
    for reader in (old, delta, fresh):
        reader.close()


def test_deltas_of_deltas_lose_nothing(world: World) -> None:
    """The same page changes in every version, in many small steps."""
    versions = [f"{number:016x}" for number in range(4)]
    stays = POINTS[3:]
    points = [point("p.md", n, f"paragraph {n} of the first text") for n in range(12)]
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        for each in [*points, *stays]:
            writer.upsert([each])
        writer.put_blob(MANIFEST, manifest(versions[0], [*points, *stays], "2026-01-01T00:00:00Z"))
        writer.seal(versions[0])
    for number, version in enumerate(versions[1:], start=1):
        before = [each.chunk.id for each in points]
        points = [point("p.md", n, f"text {number}, paragraph {n}") for n in range(12 - number)]
        base = versions[number - 1]
        world.build(version, [*points, *stays], base=base, remove=before, change=points)
        reader = world.store.open(world.index, version)
        wanted = [each.chunk.id for each in [*points, *stays]]
        held = reader.fetch([*before, *wanted[len(points) :]])
        assert [stored.chunk.text for stored in held] == [
            each.chunk.text for each in [*points, *stays]
        ]
        reader.close()


def test_a_reader_keeps_its_version(world: World) -> None:
    world.live(A, POINTS)
    reader = world.store.open(world.index)
    world.live(B, POINTS[:1], day=2)
    assert reader.version == A
    assert len(reader.fetch([each.chunk.id for each in POINTS])) == len(POINTS)
    if world.keeps_dropped:
        world.live(C, POINTS[1:], day=3)
        world.store.drop(world.index, A)
        assert len(ask(reader, "server")) == len(POINTS)
        assert reader.blob("lexicon") == A.encode() * 100_000
    reader.close()
    with pytest.raises(Conflict):
        reader.fetch([POINTS[0].chunk.id])
    now = world.store.open(world.index)
    assert now.version == world.store.alias(world.index) != A
    now.close()


def test_sealing_an_existing_version_keeps_the_first(world: World) -> None:
    world.live(A, POINTS)
    world.build(A, POINTS[:1])
    reader = world.store.open(world.index)
    assert len(ask(reader, "server")) == len(POINTS)
    reader.close()
    assert len(world.store.versions(world.index)) == 1


def test_rollback_and_drop(world: World) -> None:
    store, index = world.store, world.index
    for day, version in enumerate((A, B, C), start=1):
        world.live(version, POINTS[:day], day=day)
    assert (store.alias(index), store.alias(index, PREVIOUS)) == (C, B)
    store.promote(index, C)
    assert (store.alias(index), store.alias(index, PREVIOUS)) == (C, B)
    store.promote(index, B)
    assert (store.alias(index), store.alias(index, PREVIOUS)) == (B, C)
    for held in (B, C):
        with pytest.raises(Conflict):
            store.drop(index, held)
    store.drop(index, A)
    assert [info.version for info in store.versions(index)] == [C, B]
    with pytest.raises(NotFound):
        store.open(index, A)
    with pytest.raises(NotFound):
        store.manifest(index, A)


def test_one_writer_at_a_time(world: World) -> None:
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        writer.upsert(POINTS)
        with pytest.raises(Conflict, match="writ"):
            world.build(B, POINTS)
    world.build(A, POINTS)
    assert [info.version for info in world.store.versions(world.index)] == [A]


@pytest.mark.parametrize("version", ["../../etc", "..", "", "f" * 16, "F" * 16])
def test_unknown_versions_are_not_found(stocked: World, version: str) -> None:
    store, index = stocked.store, stocked.index
    for call in (store.manifest, store.promote, store.drop):
        with pytest.raises(NotFound):
            call(index, version)
    if version:
        with pytest.raises(NotFound):
            store.open(index, version)
        with pytest.raises(NotFound):
            store.begin(index, dimension=DIMENSION, base=version).__enter__()
    assert store.alias(index) == A


@pytest.mark.parametrize("name", ["", "Docs", "a/b", "..", "a__b", "-a", "x" * 64])
def test_wrong_index_names_are_refused(stocked: World, name: str) -> None:
    store = stocked.store
    for call in (
        lambda: store.versions(name),
        lambda: store.alias(name),
        lambda: store.open(name),
        lambda: store.begin(name, dimension=DIMENSION),
        lambda: store.promote(name, A),
    ):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert refused.value.field == "index"


def test_wrong_version_and_blob_names_are_refused(world: World) -> None:
    with world.store.begin(world.index, dimension=DIMENSION) as writer:
        writer.put_blob(MANIFEST, manifest(A, [], "2026-01-01T00:00:00Z"))
        for name in ("../up", "", ".hidden", "a/b"):
            with pytest.raises(InvalidInput):
                writer.put_blob(name, b"")
        with pytest.raises(InvalidInput):
            writer.seal("../up")


def test_an_index_without_a_live_version_is_missing(world: World) -> None:
    with pytest.raises(IndexMissing, match="groundwork ingest"):
        world.store.open(world.index)
    assert world.store.versions(world.index) == []
    assert world.store.alias(world.index) is None
