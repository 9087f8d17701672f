"""Who builds an index on a server, and what becomes of a builder that died.

The collection under construction is the lock: of two builders that begin at once at least one sees the other's and
yields. It carries a sign of life. What a dead builder had stored of a first version is taken over by the next, whose
points have the same ids; anything else it left is removed.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from typing import Any

import orjson

from groundwork.core.errors import Conflict, NotFound
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server_calls import Calls

# How long silence has to last before a builder counts as dead.
SILENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Left:
    """A collection whose builder is dead, and what it had said of its work."""

    collection: str
    sign: dict[str, Any]


def left_behind(calls: Calls, index: str, now: float) -> list[Left]:
    """What dead builders left. Raises Conflict where one lives."""
    found = []
    for name in building(calls, index):
        sign = sign_of(calls, name)
        seen = max(sign.get("at", 0.0), layout.began(name, index) or 0.0)
        if now - seen < SILENCE_SECONDS and not _died_here(sign):
            raise taken(index, sign)
        found.append(Left(name, sign))
    return found


def remove(calls: Calls, collection: str) -> None:
    """Delete a collection that may be gone already."""
    with contextlib.suppress(NotFound):
        calls(calls.client.delete_collection, collection)


def yield_to_others(calls: Calls, index: str, own: str, dead: list[Left]) -> None:
    """Raises Conflict where somebody else has begun too."""
    known = {own, *(left.collection for left in dead)}
    for other in building(calls, index):
        if other not in known:
            raise taken(index, sign_of(calls, other))


def sign(calls: Calls, collection: str, at: float, work: dict[str, Any]) -> None:
    """Say that this process lives, and what it is making."""
    content = {
        "host": socket.gethostname(), "process": os.getpid(), "at": at,
        "collection": collection, "work": work,
    }  # fmt: skip
    layout.write_blob(calls, collection, layout.SIGN, orjson.dumps(content))


def sign_of(calls: Calls, collection: str) -> dict[str, Any]:
    """The last sign. One that came along with a clone is its model's, and says nothing."""
    try:
        found = dict(orjson.loads(layout.read_blob(calls, collection, layout.SIGN) or b"{}"))
    except NotFound:
        return {}
    return found if found.get("collection", collection) == collection else {}


def building(calls: Calls, index: str) -> list[str]:
    """Collections of the index that no alias makes visible."""
    used = layout.Aliases(calls).used()
    names = [entry.name for entry in calls(calls.client.get_collections).collections]
    return [name for name in names if layout.began(name, index) is not None and name not in used]


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
