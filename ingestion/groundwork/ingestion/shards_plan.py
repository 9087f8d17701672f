"""The plan of an ingest in shards, as JSON between its steps: what was found, and how it is cut."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import orjson

from groundwork.core.documents import Skipped
from groundwork.ingestion.plan import Plan
from groundwork.retrieval.index.manifest import Manifest, Quarantined

# The name is taken inside the classes, by how many there are.
Json = bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What discovery learnt, besides the pages that are to be parsed.

    `documents` is the digest of the file of those pages. `base` is the version that is built upon, None where everything is
    built anew. `at` is when discovery began, UTC seconds.
    """

    index: str
    sources: tuple[str, ...]
    config: dict[str, Any]
    base: str | None
    documents: str
    pages: int
    bytes: int
    unchanged: bool
    at: float
    kept: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()

    def to_json(self) -> Json:
        """One document."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, raw: Json) -> Found:
        """What `to_json` wrote."""
        data = orjson.loads(raw)
        data["skipped"] = [Skipped(**one) for one in data["skipped"]]
        data["quarantined"] = [Quarantined(**one) for one in data["quarantined"]]
        lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
        return cls(**{**data, **lists})

    def fill(self, plan: Plan, base: Manifest | None) -> Plan:
        """Put into an empty plan what was found."""
        known = base.by_page() if base is not None else {}
        plan.kept = {page: known[page] for page in self.kept}
        plan.added, plan.changed = list(self.added), list(self.changed)
        plan.removed, plan.skipped = list(self.removed), list(self.skipped)
        plan.quarantined = list(self.quarantined)
        return plan


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of pages: rows `start` up to `stop` of the documents file.

    `key` names what comes out: it covers each page's content, the configuration and the code. `number` counts from 1.
    """

    number: int
    of: int
    documents: str
    start: int
    stop: int
    bytes: int
    key: str

    @property
    def part(self) -> str:
        """Which of how many, for people."""
        return f"{self.number}/{self.of}"

    @property
    def pages(self) -> int:
        """How many."""
        return self.stop - self.start

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Shard:
        """Numbers may have become floats on the way: pipelines pass all of them so."""
        numbers = {one: int(data[one]) for one in ("number", "of", "start", "stop", "bytes")}
        return cls(documents=data["documents"], key=data["key"], **numbers)


@dataclass(frozen=True, slots=True)
class Cut:
    """How to cut: into `count` shards, or if that is 0 into as many as bytes ask for. `code` is the digest of the code."""

    count: int = 0
    bytes: int = 16 * 2**20
    code: str = ""
    # All shards are one parameter of a pipeline, and a cluster's hold 256 kB.
    most: int = 1000


def cut(found: Found, sizes: Sequence[int], identities: Sequence[str], how: Cut) -> list[Shard]:
    """Runs of pages of about equal bytes, in their order; always at least one, which may be empty.

    Which page is in which shard changes nothing about the version that comes out.
    """
    total = sum(sizes)
    wanted = how.count or math.ceil(total / how.bytes)
    count = max(1, min(wanted, len(sizes), how.most))
    bounds = _bounds(sizes, total, count)
    config = orjson.dumps([found.config, how.code], option=orjson.OPT_SORT_KEYS)
    shards = []
    for number, (start, stop) in enumerate(bounds, start=1):
        key = hashlib.sha256(config)
        for one in identities[start:stop]:
            key.update(one.encode())
        shards.append(
            Shard(
                number,
                len(bounds),
                found.documents,
                start,
                stop,
                sum(sizes[start:stop]),
                key.hexdigest()[:32],
            )
        )
    return shards


def _bounds(sizes: Sequence[int], total: int, count: int) -> list[tuple[int, int]]:
    """Where each shard begins and ends: a page goes where its middle falls in equal shares of all bytes."""
    if not sizes:
        return [(0, 0)]
    places = [
        min(count - 1, int((end - size / 2) * count / total)) if total else 0
        for size, end in zip(sizes, accumulate(sizes), strict=True)
    ]
    starts = [n for n, place in enumerate(places) if not n or place != places[n - 1]]
    return list(zip(starts, [*starts[1:], len(sizes)], strict=True))
