"""An index version as one file that any engine reads back: a tar of points and blobs, compressed by zstd.

    version.json               format, index, version, dimension, chunks
    blobs/<name>-<sha256>      each blob
    points/<n>-<sha256>        points in batches, by id; see `archive_parts`
    end.json                   how many members came before: without it the archive is cut

A member's name carries the digest of its content, so each is checked as it streams by. The same version gives the same
bytes from every engine. Nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import IO, Any

import orjson

from groundwork.core.errors import InvalidInput, SourceError
from groundwork.core.progress import Progress
from groundwork.retrieval.index import archive_parts as parts
from groundwork.retrieval.index.base import IndexReader, Point
from groundwork.retrieval.index.names import checked_blob, checked_index, checked_version

SUFFIX = ".tar.zst"
FORMAT = 1
_HEADER, _END = "version.json", "end.json"
_MEMBER = re.compile(r"(?P<folder>blobs|points)/(?P<name>.+)-(?P<digest>[0-9a-f]{64})")
# Of the library's 22. Vectors hardly compress: 0.64 of their size at 292 MB a second, where gzip does 0.65 at 37.
_LEVEL = 3
# No batch of points comes near; a header that claims more is not ours.
_MAX_MEMBER = 1 << 29
_MAX_DIMENSION = 1 << 16


@dataclass(frozen=True, slots=True)
class Header:
    """What an archive says of itself first."""

    index: str
    version: str
    dimension: int
    chunks: int
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob of an archive."""

    name: str
    content: bytes


def write(reader: IndexReader, chunks: int, target: IO[bytes], progress: Progress) -> Header:
    """Write the open version, of so many chunks, to `target`. Raises InvalidInput for a version without chunks."""
    import zstandard

    batches = reader.points()
    first = next(batches, [])
    if not first:
        raise InvalidInput(f"version {reader.version} of {reader.index} holds no chunk")
    header = Header(reader.index, reader.version, len(first[0].dense), chunks)
    progress.stage("export", total=chunks, unit="chunks")
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with (
        packer.stream_writer(target, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        _add(tar, _HEADER, orjson.dumps(asdict(header)))
        members = 0
        for name in reader.blobs():
            _add_named(tar, f"blobs/{name}", reader.blob(name) or b"")
            members += 1
        for number, batch in enumerate(_even(chain([first], batches))):
            _add_named(tar, f"points/{number:08}", parts.pack(batch))
            members += 1
            progress.advance(len(batch))
        _add(tar, _END, orjson.dumps({"members": members}))
    return header


class Reading:
    """An archive that is being read, member by member."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.header = self._read_header()

    def members(self) -> Iterator[Blob | list[Point]]:
        """Every blob and every batch of points, each checked. Raises SourceError at the first that is not whole."""
        for count, entry in enumerate(iter(self._tar.next, None)):
            content = _content(self._tar, entry)
            if entry.name == _END:
                if _json(content).get("members") != count:
                    raise _damaged(f"it counts other members than the {count} it has")
                return
            named = _MEMBER.fullmatch(entry.name)
            if named is None:
                raise _damaged(f"it has a member {entry.name[:80]!r}")
            if hashlib.sha256(content).hexdigest() != named["digest"]:
                raise _damaged(f"{named['folder']}/{named['name']} does not match its digest")
            if named["folder"] == "blobs":
                yield Blob(checked_blob(named["name"]), content)
            else:
                yield parts.unpack(content, self.header.dimension)
        raise _damaged("it ends too early")

    def _read_header(self) -> Header:
        entry = self._tar.next()
        if entry is None or entry.name != _HEADER:
            raise _damaged("it does not begin with a version")
        data = _json(_content(self._tar, entry))
        if data.get("format") != FORMAT:
            raise _damaged(f"its format is {data.get('format')}; this version reads {FORMAT}")
        try:
            header = Header(**data)
            numbers = (int(header.dimension), int(header.chunks))
        except (TypeError, ValueError) as error:
            raise _damaged("its beginning is not understood") from error
        checked_index(header.index)
        checked_version(header.version)
        if not 0 < numbers[0] <= _MAX_DIMENSION or numbers[1] <= 0:
            raise _damaged("its beginning is not understood")
        return header


@contextlib.contextmanager
def reading(source: IO[bytes]) -> Iterator[Reading]:
    """Open an archive. Whatever is wrong with its form is a SourceError."""
    import zstandard

    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(source, closefd=False) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            yield Reading(tar)
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise _damaged(str(error)) from error


def _even(batches: Iterable[list[Point]]) -> Iterator[list[Point]]:
    """In batches of one size, so that the bytes do not depend on how an engine pages."""
    held: list[Point] = []
    for batch in batches:
        held += batch
        while len(held) >= parts.BATCH:
            yield held[: parts.BATCH]
            held = held[parts.BATCH :]
    if held:
        yield held


def _add_named(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    _add(tar, f"{name}-{hashlib.sha256(content).hexdigest()}", content)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry) if entry.isreg() and entry.size <= _MAX_MEMBER else None
    if file is None:
        raise _damaged(f"it has a member {entry.name[:80]!r}")
    content = file.read()
    if len(content) != entry.size:
        raise _damaged("it ends too early")
    return content


def _json(content: bytes) -> dict[str, Any]:
    try:
        return dict(orjson.loads(content))
    except (ValueError, TypeError) as error:
        raise _damaged("its beginning is not understood") from error


def _damaged(what: str) -> SourceError:
    return SourceError(f"this is no whole archive of an index version: {what}")
