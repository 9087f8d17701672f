"""Index versions out of an engine into a file anywhere, and back into any engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from groundwork.core import storage
from groundwork.core.errors import NotFound, SourceError
from groundwork.core.progress import Progress
from groundwork.retrieval.index import archive
from groundwork.retrieval.index.base import MANIFEST, IndexStore, Point, VersionWriter
from groundwork.retrieval.index.manifest import Manifest, version_id


@dataclass(frozen=True, slots=True)
class Archived:
    """What was exported: `digest` is SHA-256 of the archive, hex."""

    index: str
    version: str
    chunks: int
    url: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What was imported. `known` is true where the engine had the version already, and nothing was written."""

    index: str
    version: str
    chunks: int
    known: bool
    promoted: bool


def export(
    store: IndexStore, index: str, version: str | None, url: str, work: Path, progress: Progress
) -> Archived:
    """Write a version, by default the live one, to a URL; one that ends in `/` gets a name of its own.

    Away from this machine the archive is made in the folder `work` first and stays there until it has arrived, so an
    upload that breaks is repeated without reading the index again.
    """
    reader = store.open(index, version)
    try:
        named = f"{index}-{reader.version}{archive.SUFFIX}"
        target = url + named if url.endswith("/") else url
        chunks = Manifest.from_json(store.manifest(index, reader.version)).chunk_count
        local = target if storage.is_local(target) else str(work / named)
        if storage.is_local(target) or not storage.exists(local):
            with storage.writing(local) as file:
                archive.write(reader, chunks, file, progress)
        found = (storage.size(local), storage.digest(local))
        if local != target:
            _upload(local, target, found[0], progress)
        return Archived(index, reader.version, chunks, target, *found)
    finally:
        reader.close()


def restore(
    store: IndexStore, url: str, work: Path, progress: Progress, *, index: str | None = None,
    promote: bool = False,
) -> Restored:  # fmt: skip
    """Bring a version back under the same id; `index` is another name for it. Nothing is visible before all is checked.

    An archive elsewhere is fetched into the folder `work`; a transfer that breaks goes on from there. Raises SourceError
    for an archive that is damaged or does not hold what its version says.
    """
    local = storage.local_path(url) if storage.is_local(url) else _download(url, work, progress)
    with storage.reading(str(local)) as file, archive.reading(file) as reading:
        header = reading.header
        name = index or header.index
        known = any(info.version == header.version for info in store.versions(name))
        if not known:
            with store.begin(name, dimension=header.dimension) as writer:
                _fill(writer, reading, name, progress)
    if promote:
        store.promote(name, header.version)
    if not storage.is_local(url):
        local.unlink(missing_ok=True)
    return Restored(name, header.version, header.chunks, known, promote)


def _fill(writer: VersionWriter, reading: archive.Reading, index: str, progress: Progress) -> None:
    header = reading.header
    manifest: Manifest | None = None
    progress.stage("import", total=header.chunks, unit="chunks")
    held, count = 0, 0
    for member in reading.members():
        if isinstance(member, archive.Blob):
            content = member.content
            if member.name == MANIFEST:
                manifest = _checked_manifest(content, header.version)
                if manifest.index != index:
                    content = replace(manifest, index=index).to_json()
            writer.put_blob(member.name, content)
            continue
        writer.upsert(member)
        held = _sum(_digests(member), held)
        count += len(member)
        progress.advance(len(member))
    if manifest is None:
        raise SourceError("the archive holds no manifest")
    stated = _sum(digest for page in manifest.pages for digest in page.chunks)
    if (held, count) != (stated, manifest.chunk_count):
        raise SourceError("the archive's chunks are not those that its manifest names")
    writer.seal(header.version)


def _digests(points: Iterable[Point]) -> Iterator[str]:
    return (point.chunk.digest for point in points)


def _sum(digests: Iterable[str], begin: int = 0) -> int:
    """One number for a bag of digests, in any order, whatever their count: theirs added up."""
    total = begin
    for digest in digests:
        total += int.from_bytes(hashlib.sha256(digest.encode()).digest())
    return total % (1 << 256)


def _checked_manifest(content: bytes, version: str) -> Manifest:
    try:
        manifest = Manifest.from_json(content)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"the archive's manifest is not understood: {error}") from error
    made = version_id(manifest.pages, manifest.skipped, manifest.config, manifest.quarantined)
    if not version == made == manifest.version:
        raise SourceError(f"the archive says version {version}, and its manifest makes {made}")
    return manifest


def _upload(local: str, target: str, size: int, progress: Progress) -> None:
    progress.stage("upload", total=size, unit="bytes")
    with storage.reading(local) as source, storage.writing(target) as there:
        for piece in storage.pieces(source):
            there.write(piece)
            progress.advance(len(piece))
    if storage.size(target) != size:
        raise NotFound(f"{storage.shown(target)} did not arrive whole; run it again")
    storage.delete(local)


def _download(url: str, work: Path, progress: Progress) -> Path:
    progress.stage("download", total=storage.size(url), unit="bytes")
    path = work / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}{archive.SUFFIX}"
    storage.fetch_resumed(url, path, progress.advance)
    return path
