"""What the tests of the vector engines build and ask."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.index.base import (
    MANIFEST,
    Candidate,
    Filter,
    IndexReader,
    IndexStore,
    Point,
)
from groundwork.retrieval.index.manifest import Manifest, PageEntry
from groundwork.retrieval.sparse import document_vector, query_vector

DIMENSION = 64
EMBEDDER = HashingEmbedder(DIMENSION)
A, B, C = "a" * 16, "b" * 16, "c" * 16


def point(
    page: str, n: int, text: str, tags: tuple[str, ...] = (), version: str | None = None
) -> Point:
    read = f"Title > {text}"
    chunk = Chunk(
        id=point_id(page, n),
        page=page,
        ordinal=n,
        title="Title",
        url=None,
        anchor=f"s{n}",
        heading_path=("Title", f"Section {n}"),
        revision="r1",
        start=0,
        end=len(text),
        text=text,
        embedding_text=read,
        digest=hashlib.sha256(read.encode()).hexdigest(),
        units=(Unit(BlockKind.PARAGRAPH, 0, len(text)),),
        tags=tags,
        product_version=version,
    )
    units = np.full((1, DIMENSION), n, dtype=np.int8)
    return Point(chunk, EMBEDDER.embed([read])[0], document_vector(read), units)


def point_id(page: str, n: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{page}#{n}"))


POINTS = [
    point("guide/install.md", 0, "Install the server with the package manager."),
    point("guide/install.md", 1, "Start the server and open the port."),
    point("guide/backup.md", 0, "Back up the database every night.", tags=("ops", "daily")),
    point("guide-old/port.md", 0, "The old server had another port.", version="1.0"),
    point(
        "reference/flags.md",
        0,
        "The flag --dry-run prints what json.dumps would write. ünïcode ✓",
        tags=("ops",),
        version="2.0",
    ),
]


def manifest(version: str, points: Iterable[Point], created: str) -> bytes:
    by_page: dict[str, list[str]] = {}
    for each in points:
        by_page.setdefault(each.chunk.page, []).append(each.chunk.digest)
    entries = tuple(
        PageEntry(page, "hash", "r1", "Title", None, tuple(digests))
        for page, digests in sorted(by_page.items())
    )
    return Manifest("docs", version, created, None, {"embedder": "e"}, ("s",), entries).to_json()


@dataclass(frozen=True)
class World:
    """An engine and an index name that nobody else uses."""

    store: IndexStore
    index: str
    keeps_dropped: bool = True

    def build(
        self,
        version: str,
        points: Sequence[Point],
        *,
        base: str | None = None,
        remove: Sequence[str] = (),
        change: Sequence[Point] | None = None,
        day: int = 1,
    ) -> None:
        """A version that holds `points`; on a base, made by removing and by upserting `change`."""
        with self.store.begin(self.index, dimension=DIMENSION, base=base) as writer:
            writer.remove(remove)
            writer.upsert(points if change is None else change)
            writer.put_blob(MANIFEST, manifest(version, points, f"2026-01-{day:02}T00:00:00Z"))
            writer.put_blob("lexicon", version.encode() * 100_000)
            writer.seal(version)

    def live(self, version: str, points: Sequence[Point], *, day: int = 1) -> None:
        self.build(version, points, day=day)
        self.store.promote(self.index, version)


def ask(
    reader: IndexReader, text: str, where: Filter | None = None, limit: int = 10
) -> list[Candidate]:
    return reader.candidates(EMBEDDER.embed([text])[0], query_vector(text), limit, where)


def pages(reader: IndexReader, candidates: Iterable[Candidate]) -> list[str]:
    ordered = sorted(candidates, key=lambda found: (-found.dense - found.sparse, found.id))
    return [stored.chunk.page for stored in reader.fetch([found.id for found in ordered])]
