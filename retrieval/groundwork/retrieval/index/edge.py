"""Index versions on Qdrant Edge: the embedded engine, one folder a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import Conflict, IndexMissing, NotFound
from groundwork.retrieval.index import edge_files as files
from groundwork.retrieval.index import edge_locks as locks
from groundwork.retrieval.index.base import LIVE, MANIFEST, PREVIOUS, VersionInfo
from groundwork.retrieval.index.edge_reader import EdgeReader, open_reader
from groundwork.retrieval.index.edge_shard import Packing
from groundwork.retrieval.index.edge_writer import EdgeWriter
from groundwork.retrieval.index.names import checked_index, is_version, missing, no_version

_ALIAS_LOCK = ".aliases.lock"
# How often to follow an alias that moves while its version is being opened.
_FOLLOW = 5


class EdgeStore:
    """All indexes below one folder. Any number of processes may read while one writes."""

    def __init__(self, root: Path, packing: Packing | None = None) -> None:
        self._root = root
        self._packing = packing or Packing()

    def names(self) -> list[str]:
        """The indexes that hold a version."""
        return sorted({path.parents[2].name for path in self._root.glob(_versions("*"))})

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        found = []
        for path in self._index(index).glob(f"{files.VERSIONS}/*/{files.INFO}"):
            info = files.read_json(path)
            if info:
                found.append(_listed(info, files.size_on_disk(path.parent)))
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return files.read_json(self._index(index) / files.ALIASES).get(alias)

    def manifest(self, index: str, version: str) -> bytes:
        """Read without opening the shard."""
        try:
            return (self._version(index, version) / files.BLOBS / MANIFEST).read_bytes()
        except FileNotFoundError:
            raise no_version(index, version) from None

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> EdgeWriter:
        """Start a version; the index's lock is held inside the `with` block."""
        source = self._sealed(index, base) if base else None
        return EdgeWriter(self._index(index), dimension, source, self._packing)

    def open(self, index: str, version: str | None = None) -> EdgeReader:
        """Through a view of its own, so that other processes are not shut out."""
        for _ in range(_FOLLOW):
            wanted = version or self.alias(index)
            if wanted is None:
                raise missing(index)
            try:
                return open_reader(index, wanted, self._sealed(index, wanted))
            except NotFound:
                if version is not None or self.alias(index) == wanted:
                    raise
        raise IndexMissing(f"index {index} is being replaced; try again", field="index")

    def promote(self, index: str, version: str) -> None:
        """One atomic rename; readers that are open keep their version."""
        folder = self._sealed(index, version).parent.parent
        with locks.briefly(folder / _ALIAS_LOCK):
            self._sealed(index, version)
            aliases = files.read_json(folder / files.ALIASES)
            if aliases.get(LIVE) != version:
                aliases = {LIVE: version, PREVIOUS: aliases.get(LIVE)}
                files.write_atomically(folder / files.ALIASES, orjson.dumps(aliases))

    def drop(self, index: str, version: str) -> None:
        """Rename away, then delete: nobody sees half a version."""
        folder = self._sealed(index, version)
        home = folder.parent.parent
        with locks.briefly(home / _ALIAS_LOCK):
            if version in files.read_json(home / files.ALIASES).values():
                raise Conflict(f"version {version} of {index} is live or previous", field="version")
            self._sealed(index, version)
            going = folder.rename(home / locks.folder_name(files.BUILDING))
        files.sync_folder(folder.parent)
        files.clear(going)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _index(self, index: str) -> Path:
        return self._root / checked_index(index)

    def _version(self, index: str, version: str) -> Path:
        # A version comes from users too: never let it climb out of its folder.
        if not is_version(version):
            raise no_version(index, version)
        return self._index(index) / files.VERSIONS / version

    def _sealed(self, index: str, version: str) -> Path:
        folder = self._version(index, version)
        if not (folder / files.INFO).is_file():
            raise no_version(index, version)
        return folder


def _versions(index: str) -> str:
    return f"{index}/{files.VERSIONS}/*/{files.INFO}"


def _listed(info: dict[str, Any], size: int) -> VersionInfo:
    shown = {name: info[name] for name in VersionInfo.__slots__ if name in info}
    return VersionInfo(**shown, bytes=size)
