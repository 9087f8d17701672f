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
from groundwork.retrieval.index.server_place import Aliases, Place, role_alias, version_alias
from groundwork.retrieval.index.server_reader import ServerReader
from groundwork.retrieval.index.server_writer import ServerWriter

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


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
        for place in self._aliases().versions(checked_index(index)).values():
            with contextlib.suppress(NotFound):  # dropped meanwhile
                raw = layout.read_blob(self._calls, place, layout.INFO)
                if raw is not None:
                    found.append(VersionInfo(**orjson.loads(raw)))
        return sorted(found, key=lambda info: (info.created_at, info.version), reverse=True)

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version an alias points at."""
        return self._aliases().role(checked_index(index), alias)

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob."""
        raw = layout.read_blob(self._calls, self._sealed(index, version), MANIFEST)
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
        place = aliases.place(index, wanted)
        if place is None:
            raise no_version(index, wanted)
        return ServerReader(self._calls, index, wanted, place, self._options)

    def promote(self, index: str, version: str) -> None:
        """Move both aliases in one operation."""
        from qdrant_client import models

        aliases = self._aliases()
        target = self._sealed(index, version, aliases)
        live = aliases.role(index, LIVE)
        if live == version:
            return
        moves = {LIVE: target, PREVIOUS: aliases.place(index, live) if live else None}
        operations: list[models.AliasOperations] = []
        for role, place in moves.items():
            operations += [_unnamed(name) for name in aliases.role_names(index, role)]
            if place is not None:
                created = models.CreateAlias(
                    collection_name=place.collection, alias_name=role_alias(index, role, place)
                )
                operations.append(models.CreateAliasOperation(create_alias=created))
        self._calls(self._client.update_collection_aliases, operations)

    def drop(self, index: str, version: str) -> None:
        """Make it invisible, then delete it; readers that are open lose it."""
        aliases = self._aliases()
        place = self._sealed(index, version, aliases)
        if version in {aliases.role(index, LIVE), aliases.role(index, PREVIOUS)}:
            raise Conflict(f"version {version} of {index} is live or previous", field="version")
        gone = _unnamed(version_alias(index, version, place))
        self._calls(self._client.update_collection_aliases, [gone])
        layout.clear(self._calls, place)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _aliases(self) -> Aliases:
        return Aliases(self._calls)

    def _sealed(self, index: str, version: str, aliases: Aliases | None = None) -> Place:
        checked_index(index)
        found = (aliases or self._aliases()).place(index, version)
        if found is None or not is_version(version):
            raise no_version(index, version)
        return found


def _unnamed(alias: str) -> models.DeleteAliasOperation:
    from qdrant_client import models

    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
