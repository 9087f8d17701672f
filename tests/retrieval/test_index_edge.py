"""What the embedded engine relies on in Qdrant Edge and in the file system."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import qdrant_edge

from groundwork.core.errors import NotFound, Unavailable
from groundwork.retrieval.index import edge_files, edge_shard
from groundwork.retrieval.index.base import LIVE, PREVIOUS
from groundwork.retrieval.index.edge import EdgeStore
from groundwork.retrieval.index.edge_shard import Packing
from tests.contracts.index_world import POINTS, A, B, C, World, ask, point

Snapshot = dict[str, tuple[str, int, int]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "indexes"


@pytest.fixture
def world(root: Path) -> World:
    made = World(EdgeStore(root), "docs")
    made.live(A, POINTS)
    return made


def snapshot(folder: Path) -> Snapshot:
    """Each file's content, time of change and inode."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_it(world: World) -> None:
    reader = world.store.open("docs")
    assert len(ask(reader, "server json.dumps")) == len(POINTS)
    assert reader.fetch([POINTS[0].chunk.id])[0].chunk == POINTS[0].chunk
    reader.close()


# Pack from the first points on; and with a graph as well.
PACKED = Packing(packed_from=1, graph_from=10**9)
GRAPH = Packing(packed_from=1, graph_from=1)


def shared_with_view(world: World, root: Path) -> set[str]:
    reader = world.store.open("docs")
    (view,) = (root / "docs/views").glob("*-*")
    shared = {path.name for path in view.rglob("*") if path.is_file() and path.stat().st_nlink > 1}
    reader.close()
    return shared


def test_reading_changes_no_byte_of_a_version(world: World, root: Path) -> None:
    before = snapshot(root / "docs/versions" / A)
    assert {"page_0.dat", "chunk_0.mmap", "manifest"} <= shared_with_view(world, root)
    for _ in range(2):
        read_it(world)
    assert snapshot(root / "docs/versions" / A) == before


MANY = [point(f"p{n}.md", 0, f"paragraph {n} about topic{n % 13}") for n in range(40)]


@pytest.mark.parametrize("packing", [PACKED, GRAPH])
def test_reading_changes_no_byte_of_an_optimised_version(root: Path, packing: Packing) -> None:
    world = World(EdgeStore(root, packing), "docs")
    world.live(A, [*POINTS, *MANY])
    before = snapshot(root / "docs/versions" / A)
    bulk = {"matrix.dat", "inverted_index.dat", "quantized.data", "manifest"}
    assert bulk <= shared_with_view(world, root)
    reader = world.store.open("docs")
    assert len(ask(reader, "server json.dumps")) >= 10
    reader.close()
    assert snapshot(root / "docs/versions" / A) == before


def test_a_view_works_where_links_do_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    read_it(world)


@pytest.mark.parametrize("packing", [PACKED, GRAPH])
def test_an_optimised_version_can_be_built_on(root: Path, packing: Packing) -> None:
    world = World(EdgeStore(root, packing), "docs")
    world.live(A, [*POINTS, *MANY])
    replaced = point(POINTS[1].chunk.page, 1, "Start the database.")
    ids = [each.chunk.id for each in POINTS[:2]]
    after = [replaced, *POINTS[2:], *MANY]
    world.build(B, after, base=A, remove=ids, change=[replaced])
    reader = world.store.open("docs", B)
    found = ask(reader, "server", limit=100)
    assert {each.id for each in found} == {each.chunk.id for each in after}
    assert [stored.chunk for stored in reader.fetch(ids)] == [replaced.chunk]
    reader.close()


def test_a_version_from_before_packing_is_read_and_built_on(root: Path) -> None:
    """Its shard was laid out without; the next version's is laid out anew when it is opened to be written."""
    old = World(EdgeStore(root, Packing(packed_from=10**9)), "docs")
    old.live(A, [*POINTS, *MANY])
    assert not list((root / "docs/versions" / A).rglob("quantized.data"))
    world = World(EdgeStore(root, PACKED), "docs")
    before = world.store.open("docs")
    want = ask(before, "paragraph about topic5", limit=10)
    before.close()
    world.build(B, [*POINTS, *MANY], base=A, change=[])
    assert list((root / "docs/versions" / B).rglob("quantized.data"))
    reader = world.store.open("docs", B)
    assert ask(reader, "paragraph about topic5", limit=10) == want
    reader.close()


def test_packed_vectors_give_the_scores_of_the_vectors(root: Path, tmp_path: Path) -> None:
    points = [
        point(f"q{n}.md", 0, f"text {n} on topic{n % 97} and word{n % 31}") for n in range(500)
    ]
    packed = World(EdgeStore(root, PACKED), "docs")
    plain = World(EdgeStore(tmp_path / "plain", Packing(packed_from=10**9)), "docs")
    for world in (packed, plain):
        world.live(A, points)
    ours, exact = packed.store.open("docs"), plain.store.open("docs")
    for text in ("topic5 word3", "text 77", "words on topic96", "nothing of it"):
        assert ask(ours, text, limit=20) == ask(exact, text, limit=20)
    ours.close()
    exact.close()


def test_a_copied_shard_is_repacked_when_it_is_mostly_holes(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[str] = []
    everything = edge_shard.everything

    def noted(shard: qdrant_edge.EdgeShard) -> Iterator[list[qdrant_edge.Point]]:
        packed.append("once")
        return everything(shard)

    monkeypatch.setattr(edge_shard, "everything", noted)
    changed = [
        point(each.chunk.page, each.chunk.ordinal, f"changed {n}") for n, each in enumerate(POINTS)
    ]
    ids = [each.chunk.id for each in POINTS]
    world.build(B, changed, base=A, remove=ids, day=2)
    assert packed == []
    world.build(C, POINTS, base=B, remove=ids, day=3)
    assert packed == ["once"]
    world.store.promote("docs", C)
    read_it(world)
    info = edge_files.read_json(root / "docs/versions" / C / "info.json")
    assert info["slots"] == 2 * len(POINTS)


def test_copies_keep_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(8_000_000)
        file.write(b"middle")
        file.truncate(32_000_000)
    copy = tmp_path / "copy"
    edge_files.copy_file(source, copy)
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_blocks <= source.stat().st_blocks


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_copies_by_hand_where_the_kernel_will_not(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "copy_file_range", refused)
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    edge_files.copy_file(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content


def test_a_version_dropped_while_it_is_opened_is_not_half_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build(B, POINTS[:2], day=2)
    copy = edge_files.copy_file
    dropped: list[str] = []

    def dropping(source: Path, target: Path) -> None:
        if not dropped:
            dropped.append(B)
            world.store.drop("docs", B)
        copy(source, target)

    monkeypatch.setattr(edge_files, "copy_file", dropping)
    with pytest.raises(NotFound, match="has no version"):
        world.store.open("docs", B)


def test_opening_follows_the_alias_that_moves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A is dropped between looking the alias up and opening it; the answer comes from what is live then."""
    assert isinstance(world.store, EdgeStore)
    sealed = world.store._sealed
    moved: list[str] = []

    def moving(index: str, version: str) -> Path:
        if not moved:
            moved.append(version)
            for next_version, day in ((B, 2), (C, 3)):
                world.live(next_version, POINTS[:day], day=day)
            world.store.drop("docs", A)
        return sealed(index, version)

    monkeypatch.setattr(world.store, "_sealed", moving)
    reader = world.store.open("docs")
    assert moved == [A]
    assert reader.version == C
    reader.close()


def test_damaged_files_are_told_and_leave_no_view(world: World, root: Path) -> None:
    (segment,) = (root / "docs/versions" / A / "shard/segments").glob("*/segment.json")
    segment.write_text("{")
    with pytest.raises(Unavailable, match="cannot be opened"):
        world.store.open("docs")
    assert list((root / "docs/views").glob("*-*")) == []


def test_nothing_but_versions_counts(world: World, root: Path) -> None:
    (root / "docs/versions/half").mkdir()
    (root / "other").mkdir()
    (root / "file").write_text("")
    assert world.store.names() == ["docs"]
    (info,) = world.store.versions("docs")
    assert info.bytes is not None
    assert 10_000 < info.bytes < 10_000_000
    assert world.store.alias("docs", LIVE) == A
    assert world.store.alias("docs", PREVIOUS) is None
    assert EdgeStore(root / "absent").names() == []
