"""Tar archives as a source reads them, plain or compressed by gzip, bzip2 or xz."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, Protocol

from groundwork.ingestion.sources.archive_members import (
    BLOCK,
    MAX_TOTAL,
    Archive,
    Member,
    bomb,
    broken,
    exceeds_ratio,
)

# Below this the unpacked archive stays in memory, above it goes to an unnamed temporary file.
_IN_MEMORY = 32 * 2**20
# Headers are read in one piece, and extended ones say themselves how long they are.
_LONGEST_READ = 2**20
# What tarfile and the decompressors raise on damaged input; RecursionError on endless extended headers.
_DAMAGE = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    OverflowError,
    RecursionError,
    ValueError,
)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def open_tar(path: Path, label: str, work_dir: Path | None) -> Iterator[Archive]:
    """The archive, open for reading.

    A compressed one is unpacked first, as one stream, because members are read in the order of their
    pages and seeking back in a compressed stream starts it over. Raises SourceError where it is broken
    or a bomb.
    """
    folder = os.fspath(work_dir) if work_dir else None
    with path.open("rb") as file, tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder) as spool:
        stream = _unpacked(file, path.name.lower())
        if stream is None:
            plain: IO[bytes] = file
        else:
            packed = os.fstat(file.fileno()).st_size
            _spool(stream, spool, packed, label)
            plain = spool
        try:
            archive = tarfile.open(  # noqa: SIM115 - closed below; the errors of the body are its own
                fileobj=_CappedReads(plain),
                mode="r:",
                encoding="utf-8",
                errors="surrogateescape",
            )
        except _DAMAGE as error:
            raise broken(label, error) from error
        with archive:
            yield _TarArchive(archive, plain, label)


def _unpacked(file: IO[bytes], name: str) -> _Readable | None:
    """The stream that unpacks the file, None for a plain archive."""
    if name.endswith((".tgz", ".gz")):
        return gzip.GzipFile(fileobj=file)
    if name.endswith(".bz2"):
        return bz2.BZ2File(file)
    return lzma.LZMAFile(file) if name.endswith(".xz") else None


def _spool(stream: _Readable, spool: IO[bytes], packed: int, label: str) -> None:
    """Unpack everything, or stop where it becomes a bomb."""
    total = 0
    while block := _next_block(stream, label):
        total += len(block)
        if total > MAX_TOTAL or exceeds_ratio(total, packed):
            raise bomb(label, f"{packed:,} bytes unpack to {total:,} or more")
        spool.write(block)
    spool.seek(0)


def _next_block(stream: _Readable, label: str) -> bytes:
    try:
        return stream.read(BLOCK)
    except _DAMAGE as error:
        raise broken(label, error) from error


class _CappedReads(io.RawIOBase):
    """A file of which nobody reads very much at once; closing it leaves the file open."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. Raises tarfile.ReadError where that would be a header of over a mebibyte."""
        if not 0 <= size <= _LONGEST_READ:
            raise tarfile.ReadError("a header is too long")
        return self._file.read(size)

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position."""
        return self._file.seek(position, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()


class _TarArchive:
    """See `Archive`."""

    def __init__(self, archive: tarfile.TarFile, plain: IO[bytes], label: str) -> None:
        self._archive = archive
        self._plain = plain
        self._label = label
        self._infos: list[tarfile.TarInfo] = []

    def members(self) -> list[Member]:
        """All entries but folders."""
        try:
            self._infos = self._archive.getmembers()
        except _DAMAGE as error:
            raise broken(self._label, error) from error
        self._check_end()
        return [
            Member(info.name, _kind(info), info.size, None, index)
            for index, info in enumerate(self._infos)
            if not info.isdir()
        ]

    def _check_end(self) -> None:
        """An archive ends with a block of zeros; tarfile stops silently at anything it cannot read."""
        self._plain.seek(self._archive.offset)
        block = self._plain.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
            raise broken(self._label, "it is cut short, or a header is damaged")

    def verify(self, members: Iterable[Member]) -> None:
        """Members carry no checksums; listing them has shown that all of their bytes are there."""

    def read(self, member: Member, limit: int) -> bytes:
        """The content, in blocks."""
        try:
            file = self._archive.extractfile(self._infos[member.index])
            if file is None:
                raise broken(self._label, f"{member.name!r} has no content")
            with file:
                content = bytearray()
                while len(content) <= limit and (block := file.read(BLOCK)):
                    content += block
                return bytes(content[: limit + 1])
        except _DAMAGE as error:
            raise broken(self._label, f"{member.name!r}: {error}") from error


def _kind(info: tarfile.TarInfo) -> Literal["file", "link", "special"]:
    if info.issym() or info.islnk():
        return "link"
    return "file" if info.isreg() else "special"
