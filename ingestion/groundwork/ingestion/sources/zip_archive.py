"""Zip archives as a source reads them."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from groundwork.ingestion.sources.archive_members import (
    BLOCK,
    MAX_TOTAL,
    Archive,
    Member,
    bomb,
    broken,
    exceeds_ratio,
)

_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_UNIX = 3
# What zipfile and the decompressors below it raise on damaged input.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@contextmanager
def open_zip(path: Path, label: str) -> Iterator[Archive]:
    """The archive, open for reading. Raises SourceError where it has no readable directory."""
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise broken(label, error) from error
    with archive:
        yield _ZipArchive(archive, label, path.stat().st_size)


class _ZipArchive:
    """See `Archive`."""

    def __init__(self, archive: zipfile.ZipFile, label: str, packed: int) -> None:
        self._archive = archive
        self._infos = archive.infolist()
        self._label = label
        self._packed = packed

    def members(self) -> list[Member]:
        """All entries but folders."""
        return [
            Member(
                _name(info),
                _kind(info),
                info.file_size,
                info.compress_size,
                index,
                bool(info.flag_bits & _ENCRYPTED),
            )
            for index, info in enumerate(self._infos)
            if not info.is_dir()
        ]

    def verify(self, members: Iterable[Member]) -> None:
        """Unpack each once, which checks its checksum; overlapping members count each time."""
        total = 0
        for member in members:
            total += member.size
            if total > MAX_TOTAL or exceeds_ratio(total, self._packed):
                detail = f"{self._packed:,} bytes would unpack to {total:,} or more"
                raise bomb(self._label, detail)
            self._drain(member)

    def _drain(self, member: Member) -> None:
        try:
            with self._archive.open(self._infos[member.index]) as file:
                while file.read(BLOCK):
                    pass
        except _DAMAGE as error:
            raise broken(self._label, f"{member.name!r}: {error}") from error

    def read(self, member: Member, limit: int) -> bytes:
        """The content; zipfile gives out no more than the directory declares."""
        try:
            with self._archive.open(self._infos[member.index]) as file:
                return file.read(limit + 1)
        except _DAMAGE as error:  # it was changed since it was verified
            raise broken(self._label, f"{member.name!r}: {error}") from error


def _name(info: zipfile.ZipInfo) -> str:
    """The name as written; many tools write UTF-8 without saying so, which zipfile takes for cp437."""
    name = info.orig_filename
    if info.flag_bits & _UTF8_NAME:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _kind(info: zipfile.ZipInfo) -> Literal["file", "link", "special"]:
    """What the entry is, by the Unix mode that zip keeps in the upper half of its attributes."""
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind == stat.S_IFLNK:
        return "link"
    return "file" if kind in {0, stat.S_IFREG} else "special"
