"""Files of releases: read, named by digest, written out and checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from groundwork.core.errors import Conflict, InvalidInput
from groundwork.core.registry.base import CARD, Candidate, Registered


def contents(candidate: Candidate) -> dict[str, bytes]:
    """All files of a candidate, its card among them. Raises InvalidInput for a name with folders."""
    files = dict(candidate.files)
    if candidate.card:
        files[CARD] = candidate.card.encode()
    for name in files:
        if Path(name).name != name or name.startswith("."):
            raise InvalidInput(f"{name!r} cannot be the name of a release's file", field="files")
    return {
        name: content if isinstance(content, bytes) else content.read_bytes()
        for name, content in files.items()
    }


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def write_files(release: Registered, into: Path, read: Callable[[str], bytes]) -> Path:
    """Bring the release's files into `into`; those that are there and match stay. Raises Conflict where one does not match."""
    into.mkdir(parents=True, exist_ok=True)
    # Whoever clears leftovers sees that it is used.
    os.utime(into)
    for name, digest in release.digests.items():
        target = into / name
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
            continue
        content = read(name)
        if hashlib.sha256(content).hexdigest() != digest:
            raise Conflict(
                f"{name} of release {release.id} is not what was registered; its file was changed",
                field="release",
            )
        handle, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=into)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(fresh).replace(target)
    return into
