"""Versions of the data that models are trained on and measured with: named by what is in them.

A version's digest covers the names and contents of its files and nothing else, so the same data is the same version
whoever adds it. Data that a program can make again is recorded without content, by the digest of its rows. Where
versions are kept: `datasets_store`.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import InvalidInput, NotFound

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# How much of a digest is enough to ask for a version, and is shown in a list.
SHORT = 12


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a version: its name below the folder, with `/`, its SHA-256 and its bytes."""

    name: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DataVersion:
    """One immutable version of a dataset.

    `rows` counts examples, where they can be counted. `created_at` is UTC ISO 8601 and no part of the identity; nor are
    `source`, where the data came from or what made it, and `parents`, the versions it was made from as `name@digest`.
    `files` is empty for a version that was recorded without content.
    """

    name: str
    digest: str
    files: tuple[DataFile, ...]
    rows: int | None
    created_at: str
    source: str = ""
    parents: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def reference(self) -> str:
        """`name@digest`, as parents are named."""
        return f"{self.name}@{self.digest}"

    def to_json(self) -> bytes:
        """As stored."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, raw: bytes) -> DataVersion:
        """Back from what `to_json` wrote."""
        data = orjson.loads(raw)
        files = tuple(DataFile(**file) for file in data.pop("files"))
        return cls(**{**data, "files": files, "parents": tuple(data["parents"])})


@dataclass(frozen=True, slots=True)
class DataDiff:
    """Files by name from one version to another, and how many rows came or went, where both count them."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    rows: int | None


def lineage(versions: Iterable[DataVersion]) -> dict[str, str]:
    """Name to digest, as `registry.base.Lineage.data` takes it."""
    return {version.name: version.digest for version in versions}


def digest_file(path: Path) -> str:
    """SHA-256 of the content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_files(files: Iterable[DataFile]) -> str:
    """The digest of a version: SHA-256 over its files' names and digests, by name."""
    found = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        found.update(f"{file.name}\0{file.digest}\n".encode())
    return found.hexdigest()


def digest_folder(path: Path) -> tuple[str, tuple[DataFile, ...]]:
    """The digest of a folder, or of a single file, and what it covers. Hidden files are left out.

    Raises NotFound where nothing is there, InvalidInput for a folder without a file.
    """
    files = tuple(
        DataFile(name, digest_file(file), file.stat().st_size) for name, file in files_of(path)
    )
    if not files:
        raise InvalidInput(f"{path} holds no file", field="path")
    return digest_files(files), files


def digest_rows(rows: Iterable[Mapping[str, Any] | bytes]) -> tuple[str, int]:
    """The digest of examples in their order, and how many: JSON with sorted keys, or raw bytes, length first."""
    found, count = hashlib.sha256(), 0
    for row in rows:
        raw = row if isinstance(row, bytes) else orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        found.update(len(raw).to_bytes(8, "big"))
        found.update(raw)
        count += 1
    return found.hexdigest(), count


def recorded(
    name: str,
    rows: Iterable[Mapping[str, Any] | bytes],
    *,
    source: str,
    parents: Sequence[str] = (),
) -> DataVersion:
    """The version of examples that are made, not kept: `source` says by what, such as a generator and its seed."""
    digest, count = digest_rows(rows)
    return DataVersion(checked_name(name), digest, (), count, now(), source, tuple(parents))


def checked_name(name: str) -> str:
    """The name. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} names no dataset; use a-z, 0-9, '.', '_' and '-'", field="name"
        )
    return name


def compare(before: DataVersion, after: DataVersion) -> DataDiff:
    """What changed from one version to another."""
    old, new = ({file.name: file.digest for file in one.files} for one in (before, after))
    counted = before.rows is not None and after.rows is not None
    return DataDiff(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        rows=(after.rows or 0) - (before.rows or 0) if counted else None,
    )


def count_rows(path: Path) -> int | None:
    """Rows of all JSON Lines, CSV and Parquet files of a folder or file; None where there is none of these."""
    counts = [
        _COUNTERS[file.suffix](file) for _, file in files_of(path) if file.suffix in _COUNTERS
    ]
    return sum(counts) if counts else None


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _records(path: Path) -> int:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return max(sum(1 for row in csv.reader(file) if row) - 1, 0)


def _parquet(path: Path) -> int:
    from pyarrow import parquet

    return int(parquet.read_metadata(path).num_rows)


_COUNTERS: dict[str, Callable[[Path], int]] = {
    ".jsonl": _lines,
    ".csv": _records,
    ".parquet": _parquet,
}


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Name and place of each file of a folder, by name; of a file itself. Hidden ones are left out."""
    if path.is_file():
        yield path.name, path
        return
    if not path.is_dir():
        raise NotFound(f"there is no file and no folder {path}", field="path")
    found = []
    for parent, folders, names in os.walk(path, onerror=_unreadable):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for name in names:
            file = Path(parent) / name
            if name.startswith("."):
                continue
            if not file.is_file():
                raise InvalidInput(f"{file} is no regular file", field="path")
            found.append((file.relative_to(path).as_posix(), file))
    yield from sorted(found)


def _unreadable(error: OSError) -> None:
    raise InvalidInput(
        f"{error.filename} cannot be read: {error.strerror}", field="path"
    ) from error


def now() -> str:
    """UTC ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
