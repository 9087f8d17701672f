"""Versions cloned by snapshot, writes that are resumed, and what a collection is made with, on a server's double."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from qdrant_client import models

from groundwork.core.errors import Conflict, GroundworkError, Unavailable
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server import ServerStore, connect
from groundwork.retrieval.index.server_options import Access, ServerOptions
from groundwork.retrieval.index.server_place import Aliases
from groundwork.retrieval.index.server_writer import ServerWriter
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
from tests.retrieval.qdrant_double import QdrantDouble, running_double

NEXT = point("guide/restore.md", 0, "Restore the database from a backup.")


@pytest.fixture
def double() -> Iterator[QdrantDouble]:
    with running_double() as made:
        yield made


def opened(double: QdrantDouble, **options: object) -> ServerStore:
    own = str(options.pop("own_url", double.url))
    access = Access(double.url, own, double.api_key)
    store = connect(double.url, double.api_key, 30.0, ServerOptions(access=access, **options))  # type: ignore[arg-type]
    store._calls.pause = lambda _: None
    return store


@pytest.fixture
def world(double: QdrantDouble) -> Iterator[World]:
    store = opened(double)
    yield World(store, "docs")
    store.close()


def placed(store: ServerStore, version: str) -> str:
    place = Aliases(store._calls).place("docs", version)
    assert place is not None
    return place.collection


def built_on_a(world: World) -> None:
    """B: A without one page and with another."""
    after = [*POINTS[1:], NEXT]
    world.build(B, after, base=A, remove=[POINTS[0].chunk.id], change=[NEXT], day=2)
    reader = world.store.open(world.index, B)
    assert pages(reader, ask(reader, "restore the database"))[0] == "guide/restore.md"
    assert {each.chunk.id for batch in reader.points() for each in batch} == {
        each.chunk.id for each in after
    }
    assert reader.blob("lexicon") == B.encode() * 100_000
    assert reader.blobs() == ["lexicon", "manifest"]
    reader.close()


def sent(double: QdrantDouble) -> set[str]:
    known = {each.chunk.id for each in [*POINTS, NEXT]}
    return {each for each in double.upserted if each in known}


def test_a_clone_sends_only_what_changed(double: QdrantDouble, world: World) -> None:
    world.live(A, POINTS)
    double.upserted.clear()
    built_on_a(world)
    assert sent(double) == {NEXT.chunk.id}
    recovered = [each for each in double.asked if each.endswith("/snapshots/recover")]
    assert len(recovered) == 1
    assert not any(held.snapshots for held in double.held.values())
    old = world.store.open(world.index, A)
    assert len(ask(old, "server")) == len(POINTS)
    old.close()
    # A clone has what its model had: it is built on as well.
    world.build(C, [*POINTS[1:], NEXT], base=B, change=[], day=3)
    assert [info.version for info in world.store.versions("docs")] == [C, B, A]


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_a_key_opens_the_snapshot_too(double: QdrantDouble) -> None:
    double.api_key = "secret"
    store = opened(double)
    world = World(store, "docs")
    world.live(A, POINTS)
    double.upserted.clear()
    built_on_a(world)
    assert sent(double) == {NEXT.chunk.id}
    store.close()


@pytest.mark.parametrize(
    "cause", ["snapshot", "recover", "loss", "cluster", "unreachable", "failing"]
)
def test_where_no_clone_is_to_be_had_the_points_are_copied(
    double: QdrantDouble, cause: str
) -> None:
    options = {"own_url": "http://127.0.0.1:9"} if cause == "unreachable" else {}
    store = opened(double, **options)
    world = World(store, "docs")
    world.live(A, POINTS)
    if cause in {"snapshot", "recover"}:
        double.forbidden.add(cause)
    elif cause == "loss":
        double.lose_points_on_recovery = 2
    elif cause == "cluster":
        double.peers = 3
    elif cause == "failing":
        double.failures["recover"] = [(500, "disk full")]
    double.upserted.clear()
    built_on_a(world)
    assert sent(double) == {each.chunk.id for each in [*POINTS[1:], NEXT]}
    assert not any(held.snapshots for held in double.held.values())
    store.close()


def test_another_number_of_shards_is_no_clone(double: QdrantDouble, world: World) -> None:
    world.live(A, POINTS)
    store = opened(double, shards=4, replicas=2)
    double.upserted.clear()
    built_on_a(World(store, "docs"))
    assert NEXT.chunk.id in sent(double)
    assert len(sent(double)) == len(POINTS)
    live = placed(store, B)
    created = double.held[live].created
    assert (created.shard_number, created.replication_factor) == (4, 2)
    store.close()


def test_a_collection_is_made_for_search(double: QdrantDouble, world: World) -> None:
    world.build(A, POINTS)
    (held,) = double.held.values()
    assert held.created.vectors is not None
    assert held.created.sparse_vectors is not None
    assert set(held.indexes) == {"folders", "sections", "version", "tags"}
    assert held.created.vectors["dense"].size == DIMENSION  # type: ignore[index]
    assert held.created.vectors["dense"].on_disk is False  # type: ignore[index]
    assert held.created.sparse_vectors["bm25"].modifier == models.Modifier.IDF
    assert held.created.quantization_config is None


@pytest.mark.parametrize("kind", ["scalar", "binary"])
def test_packed_vectors_stay_in_memory_and_are_scored_again(
    double: QdrantDouble, kind: str
) -> None:
    store = opened(double, quantisation=kind, oversampling=3.0)
    world = World(store, "docs")
    world.live(A, POINTS)
    (held,) = double.held.values()
    assert getattr(held.created.quantization_config, kind).always_ram
    assert held.created.vectors["dense"].on_disk is True  # type: ignore[index]
    reader = store.open("docs")
    reader._exact = False
    asked: list[models.QueryRequest] = []
    send = store._client.query_batch_points

    def watched(collection: str, requests: list[models.QueryRequest]) -> object:
        asked.extend(requests)
        return send(collection, requests)

    store._client.query_batch_points = watched  # type: ignore[method-assign, assignment]
    assert ask(reader, "back up the database")
    first, *_, last = asked
    assert first.params is not None
    assert first.params.quantization == models.QuantizationSearchParams(
        rescore=True, oversampling=3.0
    )
    # The missing scores of a few points are read exactly.
    assert last.params is not None
    if last.filter is not None:
        assert (last.params.exact, last.params.quantization) == (True, None)
    store.close()


def test_a_clone_follows_the_settings_quantisation(double: QdrantDouble, world: World) -> None:
    world.live(A, POINTS)
    store = opened(double, quantisation="scalar")
    double.upserted.clear()
    built_on_a(World(store, "docs"))
    assert sent(double) == {NEXT.chunk.id}
    collection = placed(store, B)
    assert double.held[collection].created.quantization_config is not None
    plain = opened(double)
    World(plain, "docs").build(C, [*POINTS[1:], NEXT], base=B, change=[], day=3)
    collection = placed(plain, C)
    assert double.held[collection].created.quantization_config is None
    store.close()
    plain.close()


MANY = [point(f"p{n // 10}.md", n % 10, f"paragraph {n} of topic{n % 9}") for n in range(600)]


def test_every_write_has_arrived_when_a_version_is_sealed(
    double: QdrantDouble, world: World
) -> None:
    """Batches are acknowledged before they are applied; the double applies none until one waits."""
    world.live(A, MANY)
    waits = [each for each in double.asked if each.endswith("/points") and each.startswith("PUT")]
    assert len(waits) > len(MANY) // 128
    reader = world.store.open("docs")
    assert len(reader.fetch([each.chunk.id for each in MANY])) == len(MANY)
    reader.close()


def killed_midway(store: ServerStore, points: int) -> ServerWriter:
    """A builder that stored some points, and died without a word."""
    writer = store.begin("docs", dimension=DIMENSION)
    writer.__enter__()
    writer.upsert(MANY[:points])
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    place = writer._place
    raw = layout.read_blob(store._calls, place, layout.SIGN)
    assert raw is not None
    dead = raw.replace(f'"process":{os.getpid()}'.encode(), f'"process":{gone}'.encode())
    assert dead != raw
    layout.write_blob(store._calls, place, layout.SIGN, dead)
    return writer


def test_a_killed_first_build_goes_on_where_it_stopped(double: QdrantDouble, world: World) -> None:
    store = world.store
    assert isinstance(store, ServerStore)
    killed_midway(store, 500)
    double.upserted.clear()
    changed = [point("p0.md", 0, "another text by now"), *MANY[1:]]
    world.live(A, changed)
    again = {each for each in double.upserted if each in {m.chunk.id for m in MANY}}
    assert again == {each.chunk.id for each in [MANY[0], *MANY[500:]]}
    reader = store.open("docs")
    assert reader.fetch([MANY[0].chunk.id])[0].chunk.text == "another text by now"
    reader.close()
    assert len(double.held) == 1


def test_what_the_dead_builder_stored_and_the_next_does_not_name_is_gone(
    double: QdrantDouble, world: World
) -> None:
    store = world.store
    assert isinstance(store, ServerStore)
    killed_midway(store, 500)
    world.live(A, MANY[:200])
    reader = store.open("docs")
    assert len(reader.fetch([each.chunk.id for each in MANY])) == 200
    assert sum(len(batch) for batch in reader.points()) == 200
    reader.close()


def test_work_of_another_kind_is_not_taken_over(double: QdrantDouble, world: World) -> None:
    store = world.store
    assert isinstance(store, ServerStore)
    left = killed_midway(store, 300)._place.collection
    other = opened(double, quantisation="scalar")
    World(other, "docs").live(A, POINTS)
    assert left not in double.held
    assert len(double.held) == 1
    other.close()


def test_a_builder_that_was_taken_for_dead_seals_nothing(
    double: QdrantDouble, world: World
) -> None:
    store = world.store
    assert isinstance(store, ServerStore)
    slow = killed_midway(store, 500)
    world.live(A, MANY[:10])
    slow.put_blob("manifest", manifest(B, MANY[:500], "2026-01-01T00:00:00Z"))
    with pytest.raises(GroundworkError):
        slow.seal(B)
    assert [info.version for info in store.versions("docs")] == [A]
    reader = store.open("docs")
    assert sum(len(batch) for batch in reader.points()) == 10
    reader.close()


def test_one_writer_at_a_time_also_when_one_takes_over(double: QdrantDouble, world: World) -> None:
    store = world.store
    assert isinstance(store, ServerStore)
    killed_midway(store, 300)
    with store.begin("docs", dimension=DIMENSION) as second:
        second.upsert(MANY[:5])
        with pytest.raises(Conflict):
            world.build(B, POINTS)
    assert double.held == {}


def test_a_batch_that_timed_out_is_sent_again_without_doubles(
    double: QdrantDouble, world: World
) -> None:
    with world.store.begin("docs", dimension=DIMENSION) as writer:
        double.failures["upsert"] = [(503, "later"), (502, "bad gateway")]
        writer.upsert(MANY[:300])
        writer.put_blob("manifest", manifest(A, MANY[:300], "2026-01-01T00:00:00Z"))
        writer.seal(A)
    assert [info.chunks for info in world.store.versions("docs")] == [300]
    with world.store.begin("docs", dimension=DIMENSION) as writer:
        double.failures["upsert"] = [(503, "down")] * 3
        with pytest.raises(Unavailable):
            writer.upsert(MANY[:5])
    assert len(double.held) == 1
