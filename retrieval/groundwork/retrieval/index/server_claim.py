"""Who builds an index on a server, and what becomes of a builder that died.

The place under construction is the lock: of two builders that begin at once at least one sees the other's and
yields. It carries a sign of life. What a dead builder had stored of a first version is taken over by the next, whose
points have the same ids; anything else it left is removed.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.errors import ConfigurationError, Conflict, NotFound
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_options import ServerOptions
from groundwork.retrieval.index.server_place import (
    Aliases,
    Place,
    began,
    building_alias,
    new_build,
    own_collection,
    shared_collection,
    version_alias,
)

if TYPE_CHECKING:
    from qdrant_client import models

# How long silence has to last before a builder counts as dead.
SILENCE_SECONDS = 600.0
# The first server that counts a word's rarity within one tenant.
TENANTS_SINCE = (1, 19)


@dataclass(frozen=True, slots=True)
class Left:
    """A place whose builder is dead, and what it had said of its work."""

    place: Place
    sign: dict[str, Any]


def left_behind(calls: Calls, index: str, now: float) -> list[Left]:
    """What dead builders left. Raises Conflict where one lives."""
    found = []
    for place in building(calls, index):
        sign = sign_of(calls, place)
        seen = max(sign.get("at", 0.0), began(place, index) or 0.0)
        if now - seen < SILENCE_SECONDS and not _died_here(sign):
            raise taken(index, sign)
        found.append(Left(place, sign))
    return found


def start(calls: Calls, index: str, dimension: int, now: float, options: ServerOptions) -> Place:
    """A new place, visible to other builders."""
    from qdrant_client import models

    build = new_build(now)
    if not options.shared:
        place = own_collection(index, build)
        layout.create_place(calls, place, dimension, options)
        return place
    _require_tenants(calls)
    place = shared_collection(index, build, dimension)
    layout.create_place(calls, place, dimension, options)
    made = models.CreateAlias(
        collection_name=place.collection, alias_name=building_alias(index, place)
    )
    calls(calls.client.update_collection_aliases, [models.CreateAliasOperation(create_alias=made)])
    return place


def _require_tenants(calls: Calls) -> None:
    """An older server would leave out the corpus of a search without a word, and weigh in other tenants' words."""
    version = str(calls(calls.client.info).version)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    # The client without a server says "unknown", and knows what it has to.
    if numbers and numbers < TENANTS_SINCE:
        raise ConfigurationError(
            f"index.layout=shared needs a Qdrant server from {TENANTS_SINCE[0]}.{TENANTS_SINCE[1]} on; "
            f"the one at {calls.address} is {version}",
            field="index.layout",
        )


def publish(calls: Calls, index: str, version: str, place: Place) -> None:
    """Give the place the version's name, and take it from those under construction."""
    from qdrant_client import models

    name = version_alias(index, version, place)
    made = models.CreateAlias(collection_name=place.collection, alias_name=name)
    operations: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=made)]
    if place.tenant is not None:
        operations.append(_unnamed(building_alias(index, place)))
    calls(calls.client.update_collection_aliases, operations)


def remove(calls: Calls, index: str, place: Place) -> None:
    """Clear a place under construction; it may be gone already."""
    layout.clear(calls, place)
    if place.tenant is not None:
        calls(calls.client.update_collection_aliases, [_unnamed(building_alias(index, place))])


def _unnamed(alias: str) -> models.DeleteAliasOperation:
    from qdrant_client import models

    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))


def yield_to_others(calls: Calls, index: str, own: Place, dead: list[Left]) -> None:
    """Raises Conflict where somebody else has begun too."""
    known = {own, *(left.place for left in dead)}
    for other in building(calls, index):
        if other not in known:
            raise taken(index, sign_of(calls, other))


def sign(calls: Calls, place: Place, at: float, work: dict[str, Any]) -> None:
    """Say that this process lives, and what it is making."""
    content = {
        "host": socket.gethostname(), "process": os.getpid(), "at": at,
        "collection": place.collection, "work": work,
    }  # fmt: skip
    layout.write_blob(calls, place, layout.SIGN, orjson.dumps(content))


def sign_of(calls: Calls, place: Place) -> dict[str, Any]:
    """The last sign. One that came along with a clone is its model's, and says nothing."""
    try:
        found = dict(orjson.loads(layout.read_blob(calls, place, layout.SIGN) or b"{}"))
    except NotFound:
        return {}
    return found if found.get("collection", place.collection) == place.collection else {}


def building(calls: Calls, index: str) -> list[Place]:
    """Collections of the index that no alias makes visible, and tenants that an alias says are being built."""
    aliases = Aliases(calls)
    used = aliases.used()
    names = [entry.name for entry in calls(calls.client.get_collections).collections]
    places = [Place(name) for name in names if name not in used]
    own = [place for place in places if began(place, index) is not None]
    return [*own, *aliases.building(index)]


def taken(index: str, sign: dict[str, Any]) -> Conflict:
    """The refusal that names the builder."""
    holder = f"process {sign['process']} on {sign['host']}" if sign else "another process"
    return Conflict(
        f"{holder} is writing to index {index}; try again when it is done, or, if it was killed, "
        f"{SILENCE_SECONDS / 60:.0f} minutes after its last sign of life",
        field="index",
    )


def _died_here(sign: dict[str, Any]) -> bool:
    """Whether the builder ran on this host and does no more."""
    if sign.get("host") != socket.gethostname():
        return False
    try:
        os.kill(sign["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
