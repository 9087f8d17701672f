"""From planned pages to the points of a version: parse, scan, chunk, embed what is new, write.

Vectors go to the cache in small committed batches, and points are written from the cache, so an ingest that
is killed loses minutes of nothing: the next one finds every vector that was already computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from groundwork.core.documents import Chunk, RawDocument, Skipped
from groundwork.core.progress import Progress
from groundwork.core.scan import NoScanner, Scanner, Verdict
from groundwork.core.telemetry import NO_STAGES, Stages
from groundwork.ingestion.chunk import ChunkingConfig, chunk_document, chunk_id, unit_spans
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.plan import Plan, failure
from groundwork.ingestion.quarantine import quarantined
from groundwork.ingestion.spool import Spool
from groundwork.retrieval.embed.base import Embedder, PassageText, PassageVectors
from groundwork.retrieval.index.base import Point, VersionWriter
from groundwork.retrieval.index.manifest import PageEntry, Quarantined
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.sparse import document_vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Committed together: what a kill can cost, against the price of a commit.
_CACHE_BATCH = 64
_LOOKUP_BATCH = 256
_UPSERT_BATCH = 512

_Item = TypeVar("_Item")


class Cache(Protocol):
    """Vectors by chunk digest, for one embedder identity at a time."""

    def known(self, embedder: str, digests: Iterable[str]) -> set[str]:
        """Which of these need no embedding."""
        ...

    def get_many(self, embedder: str, digests: Iterable[str]) -> dict[str, PassageVectors]:
        """Those that are known."""
        ...

    def put_many(self, embedder: str, vectors: dict[str, PassageVectors]) -> None:
        """Keep these, durably, before returning."""
        ...


class Pool(Protocol):
    """Embeds a stream of (key, passage)."""

    def embed(
        self, tasks: Iterable[tuple[str, PassageText]]
    ) -> Iterator[tuple[str, PassageVectors]]:
        """(key, vectors) as they are done."""
        ...


class OpenPool(Protocol):
    """Opens a pool for the duration of a `with` block."""

    def __call__(self, embedder: Embedder) -> AbstractContextManager[Pool]:
        """A pool that is closed when the block ends."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with. `trace` is told each step of an ingest."""

    embedder: Embedder
    cache: Cache
    open_pool: OpenPool
    parsing: ParseOptions
    chunking: ChunkingConfig
    scanner: Scanner = field(default_factory=NoScanner)
    trace: Stages = NO_STAGES


@dataclass(slots=True)
class Built:
    """What came out: entries of the pages that went in, and those that did not.

    `computed` has the tokens, by digest, of the chunks whose vectors were not known before.
    """

    pages: list[PageEntry] = field(default_factory=list)
    failed: list[Skipped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    computed: dict[str, int] = field(default_factory=dict)

    @property
    def chunks(self) -> int:
        """Of all pages."""
        return sum(len(entry.chunks) for entry in self.pages)

    @property
    def embedded(self) -> int:
        """Vectors that were computed."""
        return len(self.computed)

    @property
    def reused(self) -> int:
        """Chunks that needed no vector of their own."""
        return self.chunks - self.embedded

    @property
    def tokens(self) -> int:
        """Read by the embedder."""
        return sum(self.computed.values())


Vectors = Callable[[Iterable[str]], Mapping[str, PassageVectors]]


def build(
    plan: Plan, writer: VersionWriter, lexicon: Lexicon, tools: Tools, progress: Progress
) -> Built:
    """Put the plan's pages into the version and count their terms into `lexicon`."""
    built = Built()
    with Spool[list[Chunk]]() as pages:
        progress.stage("parse and embed", total=len(plan.work), unit="pages")
        parsed = parse_pages(plan.work, plan.verdicts, built, tools, progress)
        embed_new((chunk for page in parsed for chunk in pages.keep(page)), built, tools)
        progress.stage("write", total=built.chunks, unit="chunks")
        with tools.trace.stage("write") as stage:
            write_points(pages, vectors_of(tools), writer, lexicon, progress)
            stage.note(chunks=built.chunks)
    return built


def parse_pages(
    work: Iterable[RawDocument],
    verdicts: Mapping[str, Verdict],
    built: Built,
    tools: Tools,
    progress: Progress,
) -> Iterator[list[Chunk]]:
    """Parse, scan and chunk page by page; what is left out is noted in `built`."""
    for raw in work:
        try:
            with tools.trace.bits("parse"):
                document = parse(raw, tools.parsing)
        except ParseError as error:
            built.failed.append(failure(raw, error.reason, error.detail))
            progress.advance(note=raw.page)
            continue
        with tools.trace.bits("scan"):
            held = quarantined(document, tools.scanner, verdicts)
        if held is not None:
            built.quarantined.append(held)
            progress.advance(note=raw.page)
            continue
        with tools.trace.bits("chunk"):
            chunks = chunk_document(document, tools.embedder.count_tokens, tools.chunking)
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
        yield chunks
        progress.advance(note=raw.page)


def embed_new(chunks: Iterable[Chunk], built: Built, tools: Tools) -> None:
    """Bring the vectors of all chunks into the cache; those that were computed are noted in `built`."""
    with tools.trace.stage("embed") as stage, tools.open_pool(tools.embedder) as pool:
        for batch in batched(pool.embed(_missing(chunks, built, tools)), _CACHE_BATCH):
            tools.cache.put_many(tools.embedder.identity, dict(batch))
        stage.note(embedded=built.embedded, reused=built.reused, tokens=built.tokens)


def vectors_of(tools: Tools) -> Vectors:
    """Vectors by digest, out of the cache."""
    return lambda digests: tools.cache.get_many(tools.embedder.identity, digests)


def write_points(
    pages: Iterable[list[Chunk]],
    vectors: Vectors,
    writer: VersionWriter,
    lexicon: Lexicon,
    progress: Progress,
) -> None:
    """Write the points of pages and count their terms."""
    for points in batched(_points(pages, vectors), _UPSERT_BATCH):
        writer.upsert(points)
        for point in points:
            lexicon.add(point.chunk.lexical_text)
        progress.advance(len(points))


def _missing(
    chunks: Iterable[Chunk], built: Built, tools: Tools
) -> Iterator[tuple[str, PassageText]]:
    """The texts that no vector is known for, each once however many pages hold it."""
    for batch in batched(chunks, _LOOKUP_BATCH):
        known = tools.cache.known(tools.embedder.identity, {chunk.digest for chunk in batch})
        for chunk in batch:
            if chunk.digest in known or chunk.digest in built.computed:
                continue
            built.computed[chunk.digest] = tools.embedder.count_tokens(chunk.embedding_text)
            yield chunk.digest, PassageText(chunk.embedding_text, unit_spans(chunk))


def _points(pages: Iterable[list[Chunk]], vectors: Vectors) -> Iterator[Point]:
    for chunks in pages:
        found = vectors({chunk.digest for chunk in chunks})
        dense = [found[chunk.digest].dense for chunk in chunks]
        for n, chunk in enumerate(chunks):
            yield Point(
                chunk,
                _in_context(n, chunks, dense),
                document_vector(chunk.lexical_text),
                found[chunk.digest].units,
            )


def _in_context(
    n: int, chunks: list[Chunk], dense: list[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The chunk's vector, drawn towards its neighbours in the same section.

    A section cut in pieces is found by what all of it says: the normalised sum of the chunk's vector and of
    the normalised sum over its window of three. docs/decisions/retrieval.md has the figures.
    """
    import numpy as np

    window = [
        dense[m]
        for m in range(max(0, n - 1), min(len(chunks), n + 2))
        if (chunks[m].anchor, chunks[m].heading_path) == (chunks[n].anchor, chunks[n].heading_path)
    ]
    around = np.sum(window, axis=0, dtype=np.float32)
    mixed = dense[n] + around / np.linalg.norm(around)
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def stale_ids(entries: Iterable[PageEntry]) -> list[str]:
    """The point ids that pages of a base version occupy."""
    return [chunk_id(entry.page, n) for entry in entries for n in range(len(entry.chunks))]


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """In lists of `size`, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
