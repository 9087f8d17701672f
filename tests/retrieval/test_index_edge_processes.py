"""The embedded engine among processes: many read, one writes, any may be killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundwork.core.errors import Conflict
from groundwork.retrieval.index.base import LIVE
from groundwork.retrieval.index.edge import EdgeStore
from tests.contracts.index_world import DIMENSION, POINTS, A, B, C, World, ask
from tests.retrieval import edge_child

HOUSE = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.retrieval.edge_child"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(EdgeStore(tmp_path / "indexes"), edge_child.INDEX)
    made.live(A, POINTS)
    return made


def child(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CHILD, *arguments], cwd=HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def end(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=120)
    return process.returncode


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / "docs").glob("building-*")]


def check_live_is_whole(world: World) -> None:
    reader = world.store.open("docs")
    assert reader.version == A
    assert len(ask(reader, "server")) == len(POINTS)
    assert [each.chunk for each in reader.fetch([p.chunk.id for p in POINTS])] == [
        each.chunk for each in POINTS
    ]
    reader.close()


@pytest.mark.parametrize(
    "call",
    [
        "copy:3",
        "copy:40",
        "load:1",
        "upsert:1",
        "upsert:3",
        "blob:1",
        "close:1",
        "sync:1",
        "rename:1",
    ],
)
def test_a_writer_killed_leaves_the_live_version_and_the_next_one_cleans_up(
    world: World, tmp_path: Path, call: str
) -> None:
    root = tmp_path / "indexes"
    assert end(child("build", str(root), A, call)) == -signal.SIGKILL
    assert leftovers(root)
    assert [info.version for info in world.store.versions("docs")] == [A]
    check_live_is_whole(world)
    world.build(B, edge_child.AFTER, base=A, remove=edge_child.REMOVED, change=edge_child.ADDED)
    assert leftovers(root) == []
    reader = world.store.open("docs", B)
    assert len(ask(reader, "added text", limit=100)) == len(edge_child.AFTER)
    reader.close()


@pytest.mark.parametrize("call", ["renamed:1"])
def test_a_writer_killed_after_the_rename_has_sealed(
    world: World, tmp_path: Path, call: str
) -> None:
    """`sync_tree` comes before the rename; what it called are the folder's own syncs."""
    root = tmp_path / "indexes"
    number = 1 + sum(1 for path in (root / "docs/versions" / A).rglob("*") if path.is_dir())
    assert end(child("build", str(root), A, f"renamed:{number + 1}")) == -signal.SIGKILL
    versions = {info.version for info in world.store.versions("docs")}
    assert versions == {A, B}
    check_live_is_whole(world)
    reader = world.store.open("docs", B)
    assert len(ask(reader, "added text", limit=100)) == len(edge_child.AFTER)
    reader.close()


@pytest.mark.parametrize(("call", "live"), [("replace:1", A), ("renamed:1", B)])
def test_a_promotion_killed_is_done_or_not(
    world: World, tmp_path: Path, call: str, live: str
) -> None:
    world.build(B, POINTS[:2], day=2)
    assert end(child("promote", str(tmp_path / "indexes"), call)) == -signal.SIGKILL
    assert world.store.alias("docs", LIVE) == live
    world.store.promote("docs", B)
    assert world.store.alias("docs", LIVE) == B


def test_a_writer_killed_at_any_moment(world: World, tmp_path: Path) -> None:
    root = tmp_path / "indexes"
    began = time.monotonic()
    assert end(child("build", str(root), A, "never")) == 0
    whole = time.monotonic() - began
    world.store.drop("docs", B)
    chance = random.Random(11)
    for _ in range(4):
        process = child("build", str(root), A, "never")
        try:
            process.wait(timeout=chance.uniform(0.2, 1.0) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
        end(process)
        check_live_is_whole(world)
    world.build(C, POINTS, base=A, change=[], day=3)
    assert leftovers(root) == []


def test_two_processes_read_and_a_third_writes(world: World, tmp_path: Path) -> None:
    root = tmp_path / "indexes"
    other = child("read", str(root))
    try:
        mine = world.store.open("docs")
        answer = f"{A} {len(POINTS)} {sum(each.dense for each in ask(mine, 'server port'))}\n"
        assert asked(other, "server port") == answer
        for version, day in ((B, 2), (C, 3)):
            world.live(version, POINTS[:day], day=day)
        world.store.drop("docs", A)
        assert asked(other, "server port") == answer
        assert len(ask(mine, "server port")) == len(POINTS)
        mine.close()
    finally:
        other.kill()
        end(other)
    views = root / "docs/views"
    assert len(list(views.glob("*-*"))) == 1
    world.store.open("docs").close()
    assert list(views.glob("*-*")) == []


def asked(process: subprocess.Popen[str], question: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(question + "\n")
    process.stdin.flush()
    return process.stdout.readline()


def test_a_second_process_is_told_who_writes(world: World, tmp_path: Path) -> None:
    with world.store.begin("docs", dimension=DIMENSION):
        process = child("build", str(tmp_path / "indexes"), A, "never")
        assert end(process) == 1
    with world.store.begin("docs", dimension=DIMENSION) as writer:
        assert writer is not None
        with pytest.raises(Conflict, match=r"process \d+ is writing to index docs"):
            world.build(B, POINTS)
