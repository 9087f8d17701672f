"""Where index versions lie on a Qdrant server, and the names by which they are found.

In a collection of their own (the default):

    <index>__data-<build>             collection: a version's points and, without vectors, its blobs in parts
    <index>__<version>                alias, made when the version is sealed: what has none is not visible
    <index>__live, <index>__previous  aliases of the collections that are live and were live before

Or among others in one collection, as tenants kept apart by a field of the payload:

    groundwork__tenants-<dimension>   collection
    <index>__building__<build>        alias, as long as the version is under construction
    <index>__<version>__<build>       alias, made when it is sealed; its points carry `<index>/<build>`
    <index>__live__<build>, …         aliases of the builds that are live and were live before

A build is the time it began and a random number. Aliases move several at a time in one atomic operation.
"""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.retrieval.index.base import LIVE, PREVIOUS
from groundwork.retrieval.index.server_calls import Calls

if TYPE_CHECKING:
    from qdrant_client import models

TENANT = "tenant"
# The payload field of the chunk's own id, where points of several versions share a collection.
CHUNK = "_chunk"
_NAMESPACE = uuid.UUID("0b0f8f0e-52f4-5d0c-8a3e-7f6b9f0c7d51")
_INDEX = r"(?P<index>[a-z0-9][a-z0-9_-]*?)"
_BUILD = r"(?P<build>[0-9a-f]{8}-[0-9a-f]{8})"
_VERSION_ALIAS = re.compile(rf"{_INDEX}__(?P<version>[0-9a-f]{{16}})(?:__{_BUILD})?")
_ROLE_ALIAS = re.compile(rf"{_INDEX}__(?P<role>{LIVE}|{PREVIOUS})(?:__{_BUILD})?")
_BUILDING_ALIAS = re.compile(rf"{_INDEX}__building__{_BUILD}")
_DATA = re.compile(rf"{_INDEX}__data-{_BUILD}")


@dataclass(frozen=True, slots=True)
class Place:
    """A collection, or one tenant's share of it."""

    collection: str
    tenant: str | None = None

    @property
    def build(self) -> str | None:
        """The build that the tenant's name ends in; None for a collection of one version."""
        return self.tenant.rpartition("/")[2] if self.tenant is not None else None

    def key(self, point: str) -> str:
        """The id of a point here: every version numbers its chunks alike, and one collection holds each id once."""
        if self.tenant is None:
            return point
        return str(uuid.uuid5(_NAMESPACE, f"{self.tenant}\n{point}"))

    def part(self, blob: str, number: int) -> str:
        """The id of a part of a blob."""
        return self.key(str(uuid.uuid5(_NAMESPACE, f"{blob}\n{number}")))

    def conditions(self) -> list[models.Condition]:
        """What every filter needs, so that no other tenant is read or counted."""
        if self.tenant is None:
            return []
        from qdrant_client import models

        return [models.FieldCondition(key=TENANT, match=models.MatchValue(value=self.tenant))]


def new_build(now: float) -> str:
    """A name nobody else takes, which tells when it was begun (seconds since 1970)."""
    return f"{int(now):08x}-{secrets.token_hex(4)}"


def own_collection(index: str, build: str) -> Place:
    """A place for one version alone."""
    return Place(f"{index}__data-{build}")


def shared_collection(index: str, build: str, dimension: int) -> Place:
    """A place among others."""
    return Place(f"groundwork__tenants-{dimension}", f"{index}/{build}")


def began(place: Place, index: str) -> float | None:
    """When a build of this index was begun, in seconds since 1970; None for other collections."""
    if place.tenant is not None:
        return float(int(place.tenant.rpartition("/")[2].partition("-")[0], 16))
    match = _DATA.fullmatch(place.collection)
    if match is None or match["index"] != index:
        return None
    return float(int(match["build"].partition("-")[0], 16))


def version_alias(index: str, version: str, place: Place) -> str:
    """The alias that makes a version visible."""
    return _named(f"{index}__{version}", place)


def role_alias(index: str, role: str, place: Place) -> str:
    """The alias of what is live, or was."""
    return _named(f"{index}__{role}", place)


def building_alias(index: str, place: Place) -> str:
    """The alias that says that a tenant is under construction."""
    return f"{index}__building__{place.build}"


def _named(name: str, place: Place) -> str:
    return name if place.build is None else f"{name}__{place.build}"


class Aliases:
    """All aliases of a server at one moment."""

    def __init__(self, calls: Calls) -> None:
        answer = calls(calls.client.get_aliases)
        self._targets = {entry.alias_name: entry.collection_name for entry in answer.aliases}

    def place(self, index: str, version: str) -> Place | None:
        """Where a sealed version lies."""
        return self.versions(index).get(version)

    def role(self, index: str, role: str) -> str | None:
        """The version that is live, or was."""
        held = {place: version for version, place in self.versions(index).items()}
        return next((held.get(self._at(match)) for match in self._roles(index, role)), None)

    def role_names(self, index: str, role: str) -> list[str]:
        """The aliases of a role; one, or none."""
        return [match.string for match in self._roles(index, role)]

    def versions(self, index: str) -> dict[str, Place]:
        """The sealed versions of an index and their places."""
        matches = (_VERSION_ALIAS.fullmatch(alias) for alias in self._targets)
        return {
            match["version"]: self._at(match)
            for match in matches
            if match and match["index"] == index
        }

    def building(self, index: str) -> list[Place]:
        """The tenants of an index that are under construction."""
        matches = (_BUILDING_ALIAS.fullmatch(alias) for alias in self._targets)
        return [self._at(match) for match in matches if match and match["index"] == index]

    def indexes(self) -> set[str]:
        """The indexes that have a sealed version."""
        matches = (_VERSION_ALIAS.fullmatch(alias) for alias in self._targets)
        return {match["index"] for match in matches if match}

    def used(self) -> set[str]:
        """The collections that any alias points at."""
        return set(self._targets.values())

    def _roles(self, index: str, role: str) -> list[re.Match[str]]:
        matches = (_ROLE_ALIAS.fullmatch(alias) for alias in self._targets)
        return [m for m in matches if m and (m["index"], m["role"]) == (index, role)]

    def _at(self, match: re.Match[str]) -> Place:
        build = match["build"]
        tenant = f"{match['index']}/{build}" if build else None
        return Place(self._targets[match.string], tenant)
