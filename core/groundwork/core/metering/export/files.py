"""Exports as files: there as a whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from groundwork.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written."""

    path: Path
    bytes: int
    sha256: str


def write_file(path: Path, chunks: Iterable[bytes]) -> Written:
    """Write beside the path, then rename over it. Raises InvalidInput where the folder cannot be written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    digest, size = hashlib.sha256(), 0
    try:
        with temporary.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        temporary.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", field="out") from error
    finally:
        temporary.unlink(missing_ok=True)
    return Written(path, size, digest.hexdigest())
