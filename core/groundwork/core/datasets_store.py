"""Where versions of data are kept: a folder here or object storage.

<store>/objects/ab/cdef…               a file's content, by SHA-256; kept once, whoever holds it
<store>/versions/<name>/<digest>.json  a manifest, written last: what it names is there
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from groundwork.core import storage
from groundwork.core.datasets import (
    DataFile,
    DataVersion,
    checked_name,
    count_rows,
    digest_file,
    digest_files,
    digest_folder,
    now,
)
from groundwork.core.errors import Conflict, GroundworkError, InvalidInput, NotFound
from groundwork.core.progress import NoProgress, Progress

_DIGEST = re.compile(r"[0-9a-f]{64}")

# Looks at a folder before it becomes a version and names what is wrong with it, a sentence each.
Check = Callable[[Path], Sequence[str]]


class DataStore:
    """Versions below one URL: a folder of this machine or object storage."""

    def __init__(self, url: str) -> None:
        self._url = url

    def add(
        self,
        name: str,
        path: Path,
        *,
        source: str = "",
        parents: Sequence[str] = (),
        check: Check | None = None,
        progress: Progress | None = None,
    ) -> DataVersion:
        """Keep a file or a folder. The same content again is the version that is there.

        `check` may refuse it: raises InvalidInput that names everything wrong. Raises Conflict where a file changes
        while it is read. `parents` are `name@digest`, each of which must be known (NotFound).
        """
        checked_name(name)
        known = tuple(self.find(parent).reference for parent in parents)
        problems = check(path) if check is not None else ()
        if problems:
            raise InvalidInput(f"{name} was not added: {'; '.join(problems)}", field="path")
        digest, files = digest_folder(path)
        if storage.exists(self._manifest(name, digest)):
            return self._read(name, digest)
        version = DataVersion(
            name, digest, files, count_rows(path), now(), source or str(path), known
        )
        told = progress or NoProgress()
        told.stage("keep", total=version.size, unit="bytes")
        for file in files:
            self._keep(file, path if path.is_file() else path / file.name)
            told.advance(file.bytes)
        return self.record(version)

    def record(self, version: DataVersion) -> DataVersion:
        """Write a manifest; of the same content the first is kept, with its time and source."""
        url = self._manifest(checked_name(version.name), version.digest)
        if storage.exists(url):
            return self._read(version.name, version.digest)
        storage.put(url, version.to_json())
        return version

    def names(self) -> list[str]:
        """The datasets that have a version."""
        held = storage.listing(storage.join(self._url, "versions"))
        return sorted({entry.name.partition("/")[0] for entry in held})

    def versions(self, name: str) -> list[DataVersion]:
        """Newest first."""
        digests = self._digests(name)
        found = [self._read(name, digest) for digest in digests]
        return sorted(found, key=lambda one: (one.created_at, one.digest), reverse=True)

    def find(self, reference: str) -> DataVersion:
        """By `name` (the newest) or `name@digest`, of which the first digits are enough.

        Raises NotFound, or InvalidInput where several versions begin so.
        """
        name, _, begin = reference.partition("@")
        digests = [one for one in self._digests(name) if one.startswith(begin)]
        if not digests:
            raise NotFound(f"there is no data {reference}; see: groundwork data list", field="name")
        if not begin:
            return self.versions(name)[0]
        if len(digests) > 1:
            raise InvalidInput(f"{len(digests)} versions begin with {reference}", field="name")
        return self._read(name, digests[0])

    def get(self, version: DataVersion, into: Path, progress: Progress | None = None) -> Path:
        """Bring its files into a folder, each checked; those that are there and match are kept.

        Raises NotFound for a version without content, Conflict where a stored file is not what it was.
        """
        if not version.files:
            raise NotFound(
                f"{version.reference} was recorded without content; it is made by: {version.source}"
            )
        told = progress or NoProgress()
        told.stage("get", total=version.size, unit="bytes")
        for file in version.files:
            target = into / storage.join(".", file.name)
            if not (target.is_file() and digest_file(target) == file.digest):
                storage.fetch(self._object(file.digest), target)
                if digest_file(target) != file.digest:
                    target.unlink()
                    raise Conflict(f"the stored content of {file.name} is not what it was")
            told.advance(file.bytes)
        # Whoever clears leftovers sees that it is used.
        os.utime(into)
        return into

    def _keep(self, file: DataFile, local: Path) -> None:
        url = self._object(file.digest)
        if storage.exists(url):
            return
        seen = hashlib.sha256()
        with local.open("rb") as source, storage.writing(url) as target:
            for piece in storage.pieces(source):
                seen.update(piece)
                target.write(piece)
            if seen.hexdigest() != file.digest:
                raise Conflict(f"{local} changed while it was read; add it again")

    def _digests(self, name: str) -> list[str]:
        held = storage.listing(storage.join(self._url, "versions", checked_name(name)))
        return [entry.name.removesuffix(".json") for entry in held if "/" not in entry.name]

    def _read(self, name: str, digest: str) -> DataVersion:
        found = DataVersion.from_json(storage.get(self._manifest(name, digest)))
        if found.files and digest_files(found.files) != digest:
            raise GroundworkError(
                f"the manifest of {name}@{digest} does not hold what its name says"
            )
        return found

    def _manifest(self, name: str, digest: str) -> str:
        return storage.join(self._url, "versions", name, f"{_checked_digest(digest)}.json")

    def _object(self, digest: str) -> str:
        return storage.join(self._url, "objects", digest[:2], _checked_digest(digest)[2:])


def _checked_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(f"{digest!r} is no SHA-256", field="digest")
    return digest
