"""The files of embedded index versions: what is linked, copied, written and measured.

    <root>/<index>/aliases.json               {"live": version, "previous": version}
    <root>/<index>/versions/<version>/        shard/, blobs/, info.json; never changed once it is there
    <root>/<index>/building-<pid>-<random>/   a version under construction, or one on its way out
    <root>/<index>/views/<pid>-<random>/      a reader's own door to a version
    <root>/<index>/.lock                      held by the one writer

Qdrant Edge lets one process open a shard, so each reader opens a view. Opening a shard locks its write-ahead
log, rewrites small bookkeeping files in place (with the same bytes) and never writes to the files that hold the
bulk. Those are hard links in a view; everything else is the view's own. A shard that only answers needs no
write-ahead log. One that is written to does: operations are numbered by it, and an engine without it counts
from 0 again and takes every change to a point that exists already for an old one, in silence.
(tests/retrieval/test_index_edge.py checks both, byte for byte.)
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

SHARD = "shard"
BLOBS = "blobs"
INFO = "info.json"
VERSIONS = "versions"
VIEWS = "views"
BUILDING = "building-"
ALIASES = "aliases.json"
_WAL = "wal"
# Vectors, packed or not, payloads, postings and graphs, of plain and of optimised segments.
_BULK = re.compile(
    r"page_\d+\.dat|chunk_\d+\.mmap|matrix\.dat|inverted_index\.dat|quantized\.data|links.*\.bin"
)
_COPY_BYTES = 1 << 20
# A file system that cannot share blocks between these two files, or at all.
_NO_RANGE_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF}


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file below durable before the folder gets its final name."""
    for parent, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(parent) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(parent))


def read_json(path: Path) -> dict[str, Any]:
    """The file's content; an absent file is an empty object."""
    try:
        return dict(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}


def link_view(version: Path, view: Path) -> None:
    """A private door to a sealed version: its bulk linked, its bookkeeping copied, no write-ahead log.

    Raises FileNotFoundError where the version is dropped meanwhile: a drop renames the version first, so one
    that still has its `info.json` afterwards was linked whole.
    """
    for source, inside in _files(version / SHARD):
        if inside.parts[0] == _WAL:
            continue
        target = view / SHARD / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (_BULK.fullmatch(source.name) and _linked(source, target)):
            copy_file(source, target)
    (view / BLOBS).mkdir(parents=True)
    for source, inside in _files(version / BLOBS):
        if not _linked(source, view / BLOBS / inside):
            copy_file(source, view / BLOBS / inside)
    (version / INFO).stat()


def copy_shard(source: Path, target: Path) -> None:
    """A copy that may be written to. Raises FileNotFoundError where the source goes away meanwhile."""
    for original, inside in _files(source):
        copy = target / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy_file(original, copy)
    (source.parent / INFO).stat()


def copy_file(source: Path, target: Path) -> None:
    """Copy what is data and leave holes as holes: the engine preallocates 30 to 100 MB a shard."""
    with source.open("rb") as reader, target.open("xb") as writer:
        size = os.fstat(reader.fileno()).st_size
        os.truncate(writer.fileno(), size)
        for start, end in _extents(reader.fileno(), size):
            _copy_range(reader.fileno(), writer.fileno(), start, end)


def clear(folder: Path) -> None:
    """Remove a folder that another process may be removing too."""
    shutil.rmtree(folder, ignore_errors=True)


def size_on_disk(folder: Path) -> int:
    """Bytes that the folder's files occupy; preallocated holes do not count, nor does what vanishes meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    def failed(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=failed):
        for name in names:
            path = Path(parent) / name
            yield path, path.relative_to(folder)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        return False  # a file system without hard links, or a version owned by somebody else
    return True


def _extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where the file has data. A file system that knows no holes reports one extent."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    """By the kernel, which shares the blocks on XFS, Btrfs and the like; by hand where it will not."""
    while start < end:
        try:
            done = os.copy_file_range(reader, writer, end - start, start, start)
        except OSError as error:
            if error.errno not in _NO_RANGE_COPY:
                raise
            done = 0
        if not done:
            done = os.pwrite(writer, os.pread(reader, min(_COPY_BYTES, end - start), start), start)
        if not done:
            return
        start += done
