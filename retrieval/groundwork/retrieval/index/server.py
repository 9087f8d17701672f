"""Index versions on a Qdrant server, for more than one machine or more than one disk's worth."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import orjson

from groundwork.core.errors import Conflict, NotFound
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.base import LIVE, MANIFEST, PREVIOUS, VersionInfo
from groundwork.retrieval.index.names import (
    checked_index,
    is_version,
    missing,
    no_version,
)
from groundwork.retrieval.index.server_calls import Calls, shown
from groundwork.retrieval.index.server_options import ServerOptions
from groundwork.retrieval.index.server_reader import ServerReader
from groundwork.retrieval.index.server_writer import ServerWriter

if TYPE_CHECKING:
    from qdrant_client import QdrantClient


def connect(
    url: str, api_key: str | None, timeout: float, options: ServerOptions | None = None
) -> ServerStore:
    """The store on the server at `url`; `timeout` in seconds. Nothing is sent until it is used."""
    from qdrant_client import QdrantClient

    client = QdrantClient(
        url=url, api_key=api_key, timeout=max(1, round(timeout)), check_compatibility=False
    )
    return ServerStore(client, shown(url), options)


class ServerStore:
    """All indexes on one server. `address` is what error messages show."""

    def __init__(
        self,
        client: QdrantClient,
        address: str = "local",
        options: ServerOptions | None = None,
    ) -> None:
        self._client = client
        self._options = options or ServerOptions()
        self._calls = Calls(client, address)

    def names(self) -> list[str]:
        """The indexes that hold a version."""
        return sorted(self._aliases().indexes())

    def versions(self, index: str) -> list[VersionInfo]:
        """Newest first."""
        found = []
        for collection in self._aliases().versions(checked_index(index)).values():
            with contextlib.suppress(NotFound):  # dropped meanwhile
                raw = layout.read_blob(self._calls, collection, layout.INFO)
                if raw is not None:
                    found.append(VersionInfo(**orjson.loads(raw)))
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return self._aliases().role(checked_index(index), alias)

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob."""
        collection = self._sealed(index, version)
        raw = layout.read_blob(self._calls, collection, MANIFEST)
        if raw is None:
            raise no_version(index, version)
        return raw

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> ServerWriter:
        """Start a version; the index is taken inside the `with` block."""
        source = self._sealed(index, base) if base else None
        return ServerWriter(
            self._calls, checked_index(index), dimension, source, options=self._options
        )

    def open(self, index: str, version: str | None = None) -> ServerReader:
        """Look up where the version lies."""
        aliases = self._aliases()
        wanted = version or aliases.role(checked_index(index), LIVE)
        if wanted is None:
            raise missing(index)
        collection = aliases.collection(index, wanted)
        if collection is None:
            raise no_version(index, wanted)
        return ServerReader(self._calls, index, wanted, collection, self._options)

    def promote(self, index: str, version: str) -> None:
        """Move both aliases in one operation."""
        from qdrant_client import models

        aliases = self._aliases()
        target = self._sealed(index, version, aliases)
        live = aliases.role(index, LIVE)
        if live == version:
            return
        moves = {LIVE: target, PREVIOUS: aliases.collection(index, live) if live else None}
        operations: list[models.AliasOperations] = []
        for role, collection in moves.items():
            name = layout.role_alias(index, role)
            operations.append(
                models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
            )
            if collection is not None:
                created = models.CreateAlias(collection_name=collection, alias_name=name)
                operations.append(models.CreateAliasOperation(create_alias=created))
        self._calls(self._client.update_collection_aliases, operations)

    def drop(self, index: str, version: str) -> None:
        """Make it invisible, then delete it; readers that are open lose it."""
        from qdrant_client import models

        aliases = self._aliases()
        collection = self._sealed(index, version, aliases)
        if version in {aliases.role(index, LIVE), aliases.role(index, PREVIOUS)}:
            raise Conflict(f"version {version} of {index} is live or previous", field="version")
        gone = models.DeleteAlias(alias_name=layout.version_alias(index, version))
        self._calls(
            self._client.update_collection_aliases,
            [models.DeleteAliasOperation(delete_alias=gone)],
        )
        self._calls(self._client.delete_collection, collection)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _aliases(self) -> layout.Aliases:
        return layout.Aliases(self._calls)

    def _sealed(self, index: str, version: str, aliases: layout.Aliases | None = None) -> str:
        checked_index(index)
        found = (aliases or self._aliases()).collection(index, version)
        if found is None or not is_version(version):
            raise no_version(index, version)
        return found
