"""What an index version holds, as data: the manifest that every engine stores beside the points.

A version's identity is the digest of what it holds (pages, chunks, embedder, chunker), not of how it came
about: two ingests that end in the same content end in the same version, killed midway or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from groundwork.core.documents import Skipped

FORMAT = 1


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page of a version. `chunks` are the chunks' digests in reading order."""

    page: str
    content_hash: str
    revision: str
    title: str
    url: str | None
    chunks: tuple[str, ...]

    def identity(self) -> str:
        """What decides whether the page is the same: everything but its revision."""
        return "\n".join((self.page, self.content_hash, self.title, self.url or "", *self.chunks))


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A page that is kept out because of what it says to the assistant.

    `reason`, `excerpt`, `snippet_digest` (SHA-256) and `score` are the scan's; `confirmed` says that a person agreed.
    """

    page: str
    content_hash: str
    reason: str
    excerpt: str
    snippet_digest: str
    score: float
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class BuildStats:
    """How the version was built. Seconds are wall-clock; counts are of chunks unless named pages."""

    seconds: float = 0.0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    reused: int = 0
    tokens: int = 0

    def rate(self, count: int) -> float:
        """`count` per second of the build."""
        return count / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of one immutable index version.

    `config` names everything besides the sources that decides the content: embedder, chunker and parser
    versions, URL base. `refusal` says why the version was kept without being promoted, if it was.
    """

    index: str
    version: str
    created_at: str
    parent: str | None
    config: dict[str, Any]
    sources: tuple[str, ...]
    pages: tuple[PageEntry, ...]
    skipped: tuple[Skipped, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    stats: BuildStats = field(default_factory=BuildStats)
    refusal: str | None = None
    format: int = FORMAT

    @property
    def chunk_count(self) -> int:
        """Chunks over all pages."""
        return sum(len(page.chunks) for page in self.pages)

    def by_page(self) -> dict[str, PageEntry]:
        """The pages by their identity."""
        return {entry.page: entry for entry in self.pages}

    def refused(self, reason: str) -> Manifest:
        """The same version, kept but not promoted."""
        return replace(self, refusal=reason)

    def to_json(self) -> bytes:
        """As stored."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, raw: bytes) -> Manifest:
        """Back from what `to_json` wrote."""
        data = orjson.loads(raw)
        data["pages"] = tuple(
            PageEntry(**{**page, "chunks": tuple(page["chunks"])}) for page in data["pages"]
        )
        data["skipped"] = tuple(Skipped(**entry) for entry in data["skipped"])
        data["quarantined"] = tuple(Quarantined(**entry) for entry in data.get("quarantined", ()))
        data["sources"] = tuple(data["sources"])
        data["stats"] = BuildStats(**data["stats"])
        return cls(**data)


def version_id(
    pages: Iterable[PageEntry],
    skipped: Iterable[Skipped],
    config: dict[str, Any],
    quarantined: Iterable[Quarantined] = (),
) -> str:
    """The digest that names a version: 16 hex digits over its content, what was left out, and configuration."""
    digest = hashlib.sha256(orjson.dumps(config, option=orjson.OPT_SORT_KEYS))
    for entry in sorted(pages, key=lambda entry: entry.page):
        digest.update(entry.identity().encode())
        digest.update(b"\0")
    for left_out in sorted(skipped, key=lambda entry: (entry.page, entry.reason)):
        digest.update(f"{left_out.page}\n{left_out.reason}\0".encode())
    for held in sorted(quarantined, key=lambda entry: entry.page):
        digest.update(f"{held.page}\n{held.content_hash}\n{held.confirmed}\0".encode())
    return digest.hexdigest()[:16]
