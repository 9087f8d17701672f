"""An ingest in shards: the document path cut into steps that may run in processes or on machines of their own.

discover -> plan -> chunk and embed, shard by shard -> assemble -> promote. Steps leave files (`shards_files`) and JSON
(`shards_plan`); one that finds its file is done. The version that comes out is the one that `ingest` makes, whatever the
number of shards and however often a step was begun.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from groundwork.core import storage
from groundwork.core.documents import Chunk, RawDocument
from groundwork.core.errors import ConfigurationError, Conflict, NotFound
from groundwork.core.progress import Progress
from groundwork.core.scan import Verdict
from groundwork.ingestion.build import (
    Built,
    Tools,
    batched,
    embed_new,
    parse_pages,
    vectors_of,
    write_points,
)
from groundwork.ingestion.check import Limits
from groundwork.ingestion.outcome import IngestRequest, IngestResult, outcome, unchanged
from groundwork.ingestion.plan import Plan
from groundwork.ingestion.plan import discover as sort_out
from groundwork.ingestion.shards_files import (
    ShardFiles,
    read_built,
    read_chunks,
    read_computed,
    read_config,
    read_documents,
    read_sizes,
    read_vectors,
    write_chunks,
    write_documents,
    write_vectors,
)
from groundwork.ingestion.shards_plan import Cut, Found, Shard, cut
from groundwork.ingestion.spool import Spool
from groundwork.ingestion.version import (
    Origin,
    clear_stale,
    closed,
    comparable,
    configuration,
    live_manifest,
    manifest_of,
    nothing_changed,
)
from groundwork.retrieval.embed.base import PassageVectors
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.index.manifest import Manifest

_LOOKUP = 1024


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What a step did with a shard. `skipped` says that its file was there."""

    url: str
    pages: int
    chunks: int
    embedded: int = 0
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Assembled:
    """A version that was built, or that had been: `refusal` says why it must not go live."""

    index: str
    version: str
    unchanged: bool
    pages: int
    chunks: int
    refusal: str | None


def discover(
    request: IngestRequest, store: IndexStore, tools: Tools, files: ShardFiles, progress: Progress
) -> Found:
    """Read the sources once against the live version, and keep the pages that are to be parsed."""
    at = time.time()
    config = configuration(tools)
    base = comparable(live_manifest(store, request.index), config)
    with Spool[RawDocument]() as work, tempfile.TemporaryDirectory() as temporary:
        plan = sort_out(request.read(), base, work, progress, request.verdicts)
        local = Path(temporary) / "documents.parquet"
        digest = write_documents(local, work, request.verdicts, config)
        if not storage.exists(files.documents(digest)):
            storage.put(files.documents(digest), local)
        return Found(
            index=request.index,
            sources=request.labels,
            config=config,
            base=base.version if base else None,
            documents=digest,
            pages=len(work),
            bytes=plan.bytes,
            unchanged=nothing_changed(plan, base),
            at=at,
            kept=tuple(plan.kept),
            added=tuple(plan.added),
            changed=tuple(plan.changed),
            removed=tuple(plan.removed),
            skipped=tuple(plan.skipped),
            quarantined=tuple(plan.quarantined),
        )


def plan_shards(found: Found, files: ShardFiles, how: Cut) -> list[Shard]:
    """Cut what is to be done, by bytes."""
    sizes, identities = read_sizes(files.documents(found.documents))
    return cut(found, sizes, identities, how)


def chunk_shard(shard: Shard, tools: Tools, files: ShardFiles, progress: Progress) -> ShardWork:
    """Parse, scan and chunk a shard's pages. Raises ConfigurationError where it was planned for other tools."""
    _check(shard, tools, files)
    url = files.chunks(shard.key)
    if storage.exists(url):
        return ShardWork(url, shard.pages, read_built(url).chunks, skipped=True)
    progress.stage("parse", total=shard.pages, unit="pages")
    documents = read_documents(files.documents(shard.documents), shard.start, shard.stop)
    built = Built()
    write_chunks(url, _parsed(documents, built, tools, progress), built)
    return ShardWork(url, shard.pages, built.chunks)


def embed_shard(shard: Shard, tools: Tools, files: ShardFiles, progress: Progress) -> ShardWork:
    """Compute the vectors of a shard's chunks, those that the cache does not know. Raises ConfigurationError likewise."""
    _check(shard, tools, files)
    url = files.vectors(shard.key)
    if storage.exists(url):
        chunks = read_built(files.chunks(shard.key)).chunks
        return ShardWork(url, shard.pages, chunks, len(read_computed(url)), skipped=True)
    built, pages = read_chunks(files.chunks(shard.key))
    progress.stage("embed", total=built.chunks, unit="chunks")
    embed_new(_told(pages, progress), built, tools)
    digests = dict.fromkeys(chunk.digest for page in pages for chunk in page)
    write_vectors(url, _cached(digests, tools), built.computed, tools.embedder.dimension)
    return ShardWork(url, shard.pages, built.chunks, built.embedded)


def assemble(
    found: Found,
    shards: Sequence[Shard],
    store: IndexStore,
    files: ShardFiles,
    limits: Limits,
    progress: Progress,
) -> Assembled:
    """Build the version of what was kept and of all shards, which are complete. No embedder is needed.

    Raises NotFound where a shard's file is missing, Conflict where the version that is built upon is gone.
    """
    base = _base(found, store)
    if base is not None and found.unchanged:
        return Assembled(base.index, base.version, True, len(base.pages), base.chunk_count, None)
    began, live = time.monotonic(), live_manifest(store, found.index)
    with Spool[RawDocument]() as nothing:
        plan = found.fill(Plan(nothing), base)
        built = _joined(shards, files)
        origin = Origin(
            found.index,
            found.sources,
            found.config,
            limits,
            began,
            max(0.0, time.time() - found.at),
        )
        manifest = manifest_of(origin, plan, built, live)
        known = {info.version for info in store.versions(found.index)}
        if manifest.version not in known:
            _write(manifest, plan, base, shards, store, files, built.chunks, progress)
    return Assembled(
        found.index,
        manifest.version,
        False,
        len(manifest.pages),
        manifest.chunk_count,
        manifest.refusal,
    )


def promote(
    found: Found, assembled: Assembled, store: IndexStore, *, wanted: bool = True
) -> IngestResult:
    """Make the version live where nothing speaks against it. What `ingest` would say comes back."""
    manifest = Manifest.from_json(store.manifest(found.index, assembled.version))
    with Spool[RawDocument]() as nothing:
        plan = found.fill(Plan(nothing), _base(found, store))
        if assembled.unchanged:
            return unchanged(manifest, plan, time.monotonic())
        go = wanted and assembled.refusal is None
        if go and store.alias(found.index) != assembled.version:
            store.promote(found.index, assembled.version)
        told = manifest.refused(assembled.refusal) if assembled.refusal else manifest
        return outcome(told, plan, promoted=go)


def files_of(found: Found, shards: Iterable[Shard], files: ShardFiles) -> list[str]:
    """The files of an ingest: of no use once its version is built, for the vectors are in the cache."""
    named = [files.documents(found.documents)]
    for shard in shards:
        named += [files.chunks(shard.key), files.vectors(shard.key)]
    return named


def config_of(shard: Shard, files: ShardFiles) -> dict[str, Any]:
    """What `version.configuration` said where the shard was planned."""
    return read_config(files.documents(shard.documents))


def _check(shard: Shard, tools: Tools, files: ShardFiles) -> None:
    """What is made under a key must be made as the key says."""
    planned, here = config_of(shard, files), configuration(tools)
    other = sorted(name for name in here if here[name] != planned.get(name))
    if other:
        raise ConfigurationError(
            f"this ingest was planned with {other[0]} {planned.get(other[0])!r}, and here it is "
            f"{here[other[0]]!r}; every step needs the same settings"
        )


def _parsed(
    documents: Iterable[tuple[RawDocument, Verdict | None]],
    built: Built,
    tools: Tools,
    progress: Progress,
) -> Iterator[list[Chunk]]:
    for raw, verdict in documents:
        decided = {raw.content_hash: verdict} if verdict else {}
        yield from parse_pages([raw], decided, built, tools, progress)


def _told(pages: Iterable[list[Chunk]], progress: Progress) -> Iterator[Chunk]:
    for chunks in pages:
        yield from chunks
        progress.advance(len(chunks))


def _cached(digests: Iterable[str], tools: Tools) -> Iterator[tuple[str, PassageVectors]]:
    lookup = vectors_of(tools)
    for piece in batched(digests, _LOOKUP):
        found = lookup(piece)
        yield from ((digest, found[digest]) for digest in piece)


def _joined(shards: Sequence[Shard], files: ShardFiles) -> Built:
    """What became of all pages, in their order. A vector that two shards computed counts once."""
    joined = Built()
    for shard in shards:
        built = read_built(files.chunks(shard.key))
        joined.pages += built.pages
        joined.failed += built.failed
        joined.quarantined += built.quarantined
        joined.computed |= read_computed(files.vectors(shard.key))
    return joined


def _write(
    manifest: Manifest,
    plan: Plan,
    base: Manifest | None,
    shards: Sequence[Shard],
    store: IndexStore,
    files: ShardFiles,
    chunks: int,
    progress: Progress,
) -> None:
    with store.begin(
        manifest.index,
        dimension=manifest.config["dimension"],
        base=base.version if base else None,
    ) as writer:
        lexicon = clear_stale(plan, base, store, writer)
        progress.stage("write", total=chunks, unit="chunks")
        for shard in shards:
            _, pages = read_chunks(files.chunks(shard.key))
            vectors = read_vectors(files.vectors(shard.key))
            write_points(pages, partial(_these, vectors), writer, lexicon, progress)
        closed(writer, lexicon, manifest)


def _these(vectors: dict[str, PassageVectors], digests: Iterable[str]) -> dict[str, PassageVectors]:
    return {digest: vectors[digest] for digest in digests}


def _base(found: Found, store: IndexStore) -> Manifest | None:
    if found.base is None:
        return None
    try:
        return Manifest.from_json(store.manifest(found.index, found.base))
    except NotFound as error:
        raise Conflict(
            f"version {found.base} of {found.index}, which this ingest builds upon, was deleted meanwhile; "
            "start it again",
            field="index",
        ) from error
