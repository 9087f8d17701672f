"""From planned pages to the points of a version: parse, chunk, embed what is new, write.

Vectors go to the cache in small committed batches, and points are written from the cache, so an ingest that
is killed loses minutes of nothing: the next one finds every vector that was already computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from groundwork.core.documents import Chunk, RawDocument, Skipped
from groundwork.core.progress import Progress
from groundwork.ingestion.chunk import ChunkingConfig, chunk_document, chunk_id
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.plan import Plan, failure
from groundwork.ingestion.spool import Spool
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import Point, VersionWriter
from groundwork.retrieval.index.manifest import PageEntry
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.sparse import document_vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

# Committed together: what a kill can cost, against the price of a commit.
_CACHE_BATCH = 64
_LOOKUP_BATCH = 256
_UPSERT_BATCH = 512

_Item = TypeVar("_Item")


class Cache(Protocol):
    """Vectors by chunk digest, for one embedder identity at a time."""

    def get_many(self, identity: str, digests: Iterable[str]) -> dict[str, Vector]:
        """Those that are known."""
        ...

    def put_many(self, identity: str, vectors: dict[str, Vector]) -> None:
        """Keep these, durably, before returning."""
        ...


class Pool(Protocol):
    """Embeds a stream of (key, text), in any order."""

    def embed(self, texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Vector]]:
        """(key, vector) as they are done."""
        ...


class OpenPool(Protocol):
    """Opens a pool for the duration of a `with` block."""

    def __call__(self) -> AbstractContextManager[Pool]:
        """A pool that is closed when the block ends."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with."""

    embedder: Embedder
    cache: Cache
    open_pool: OpenPool
    parsing: ParseOptions
    chunking: ChunkingConfig


@dataclass(slots=True)
class Built:
    """What came out: entries of the pages that went in, and those that did not."""

    pages: list[PageEntry] = field(default_factory=list)
    failed: list[Skipped] = field(default_factory=list)
    embedded: int = 0
    reused: int = 0
    tokens: int = 0


def build(
    plan: Plan, writer: VersionWriter, lexicon: Lexicon, tools: Tools, progress: Progress
) -> Built:
    """Put the plan's pages into the version and count their terms into `lexicon`."""
    built = Built()
    with Spool[list[Chunk]]() as pages:
        progress.stage("parse and embed", total=len(plan.work), unit="pages")
        texts = _parse(plan.work, pages, built, tools, progress)
        _embed(_missing(texts, built, tools), tools)
        progress.stage(
            "write", total=sum(len(entry.chunks) for entry in built.pages), unit="chunks"
        )
        for points in _batched(_points(pages, tools), _UPSERT_BATCH):
            writer.upsert(points)
            for point in points:
                lexicon.add(point.chunk.embedding_text)
            progress.advance(len(points))
    return built


def _parse(
    work: Iterable[RawDocument],
    pages: Spool[list[Chunk]],
    built: Built,
    tools: Tools,
    progress: Progress,
) -> Iterator[tuple[str, str]]:
    """Parse and chunk page by page; yields each chunk's digest and text to embed."""
    for raw in work:
        try:
            document = parse(raw, tools.parsing)
        except ParseError as error:
            built.failed.append(failure(raw, error.reason, error.detail))
            progress.advance(note=raw.page)
            continue
        chunks = chunk_document(document, tools.embedder.count_tokens, tools.chunking)
        pages.append(chunks)
        built.pages.append(
            PageEntry(
                document.page,
                document.content_hash,
                document.revision,
                document.title,
                document.url,
                tuple(chunk.digest for chunk in chunks),
            )
        )
        for chunk in chunks:
            yield chunk.digest, chunk.embedding_text
        progress.advance(note=raw.page)


def _missing(
    texts: Iterator[tuple[str, str]], built: Built, tools: Tools
) -> Iterator[tuple[str, str]]:
    """The texts that no vector is known for, each once however many pages hold it."""
    asked: set[str] = set()
    for batch in _batched(texts, _LOOKUP_BATCH):
        known = tools.cache.get_many(tools.embedder.identity, {digest for digest, _ in batch})
        for digest, text in batch:
            if digest in known or digest in asked:
                built.reused += 1
                continue
            asked.add(digest)
            built.embedded += 1
            built.tokens += tools.embedder.count_tokens(text)
            yield digest, text


def _embed(texts: Iterator[tuple[str, str]], tools: Tools) -> None:
    with tools.open_pool() as pool:
        for batch in _batched(pool.embed(texts), _CACHE_BATCH):
            tools.cache.put_many(tools.embedder.identity, dict(batch))


def _points(pages: Iterable[list[Chunk]], tools: Tools) -> Iterator[Point]:
    for chunks in pages:
        vectors = tools.cache.get_many(tools.embedder.identity, {chunk.digest for chunk in chunks})
        for chunk in chunks:
            yield Point(chunk, vectors[chunk.digest], document_vector(chunk.embedding_text))


def stale_ids(entries: Iterable[PageEntry]) -> list[str]:
    """The point ids that pages of a base version occupy."""
    return [chunk_id(entry.page, n) for entry in entries for n in range(len(entry.chunks))]


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
