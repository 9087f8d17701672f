"""The files of embedded index versions: what is linked, copied, renamed and swept.

    <root>/<index>/aliases.json               {"live": version, "previous": version}
    <root>/<index>/versions/<version>/        shard/, blobs/, info.json; never changed once it is there
    <root>/<index>/building-<pid>-<random>/   a version under construction
    <root>/<index>/views/<pid>-<random>/      a reader's own door to a version
    <root>/<index>/.lock                      held by the one writer

Qdrant Edge lets one process open a shard. It locks the write-ahead log and rewrites two small JSON files when it
opens, and never writes to segment files while only reading; so a reader opens a view, in which the segment
files are hard links and the rest its own. (Checked by tests/retrieval/test_index_edge.py, byte for byte.)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import Conflict

SHARD = "shard"
BLOBS = "blobs"
INFO = "info.json"
_SEGMENTS = "segments"
_WAL = "wal"


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """The file's content; an absent file is an empty object."""
    try:
        return dict(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}


@contextlib.contextmanager
def locked(index: Path) -> Iterator[None]:
    """Hold the index's writer lock. Raises Conflict where another process does; the kernel frees a dead one's."""
    index.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(index / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
            raise Conflict(
                f"process {holder} is writing to index {index.name}; try again when it is done",
                field="index",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def new_folder(parent: Path, prefix: str = "") -> Path:
    """A fresh folder whose name tells which process owns it."""
    folder = parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    return folder


def sweep(parent: Path, prefix: str = "") -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def link_shard(source: Path, target: Path) -> None:
    """A private door to a sealed shard: segment files linked (copied where links are not possible)."""
    for folder, _, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        (target / inside).mkdir(parents=True, exist_ok=True)
        for name in files:
            original = Path(folder) / name
            if inside.parts[:1] == (_SEGMENTS,) and name != "segment.json":
                try:
                    os.link(original, target / inside / name)
                    continue
                except OSError:
                    pass
            shutil.copyfile(original, target / inside / name)


def copy_shard(source: Path, target: Path) -> None:
    """A copy that may be written to."""
    shutil.copytree(source, target, dirs_exist_ok=True)


def drop_log(shard: Path) -> None:
    """Remove the write-ahead log of a flushed and closed shard: 100 MB of preallocated zeros."""
    shutil.rmtree(shard / _WAL, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Make every file below durable before the folder gets its final name."""
    for parent, _, files in os.walk(folder):
        for name in files:
            descriptor = os.open(Path(parent) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(parent))


def size_on_disk(folder: Path) -> int:
    """Bytes that the folder's files occupy; preallocated holes do not count."""
    return sum(
        os.stat(Path(parent) / name).st_blocks * 512
        for parent, _, files in os.walk(folder)
        for name in files
    )
