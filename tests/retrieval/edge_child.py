"""A process that builds, reads or dies for the tests of the embedded engine.

python -m tests.retrieval.edge_child build ROOT BASE CALL   on BASE; killed before the n-th CALL, "name:n"
python -m tests.retrieval.edge_child promote ROOT CALL
python -m tests.retrieval.edge_child read ROOT              answers a line a question on standard input
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundwork.retrieval.index import edge_files, edge_shard
from groundwork.retrieval.index.edge import EdgeStore
from groundwork.retrieval.index.edge_writer import EdgeWriter
from tests.contracts.index_world import POINTS, B, World, ask, point

INDEX = "docs"
ADDED = [point(f"added/{n}.md", 0, f"added text number {n}") for n in range(40)]
REMOVED = [POINTS[2].chunk.id]
AFTER = [*POINTS[:2], *POINTS[3:], *ADDED]
# Everything that touches the disk on the way to a version.
CALLS: dict[str, tuple[Any, str]] = {
    "copy": (edge_files, "copy_file"),
    "load": (edge_shard, "load"),
    "upsert": (edge_shard, "upsert"),
    "blob": (EdgeWriter, "put_blob"),
    "close": (EdgeWriter, "_close_shard"),
    "sync": (edge_files, "sync_tree"),
    "rename": (Path, "rename"),
    "renamed": (edge_files, "sync_folder"),
    "replace": (Path, "replace"),
}


def die_before(call: str) -> None:
    name, _, number = call.partition(":")
    if name == "never":
        return
    owner, attribute = CALLS[name]
    original: Callable[..., Any] = getattr(owner, attribute)
    left = int(number)

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **options)

    setattr(owner, attribute, dying)


def build(world: World, base: str) -> None:
    with world.store.begin(INDEX, dimension=64, base=base) as writer:
        writer.remove(REMOVED)
        for start in range(0, len(ADDED), 10):
            writer.upsert(ADDED[start : start + 10])
        writer.put_blob("manifest", manifest_of(B))
        writer.seal(B)


def manifest_of(version: str) -> bytes:
    from tests.contracts.index_world import manifest

    return manifest(version, AFTER, "2026-01-02T00:00:00Z")


def read(world: World) -> None:
    reader = world.store.open(INDEX)
    for line in sys.stdin:
        found = ask(reader, line.strip())
        print(reader.version, len(found), sum(each.dense for each in found), flush=True)  # noqa: T201 the parent reads it


def main() -> None:
    command, root, *rest = sys.argv[1:]
    world = World(EdgeStore(Path(root)), INDEX)
    if command == "build":
        die_before(rest[1])
        build(world, rest[0])
    elif command == "promote":
        die_before(rest[0])
        world.store.promote(INDEX, B)
    else:
        read(world)


if __name__ == "__main__":
    main()
