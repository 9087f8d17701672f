"""The document path: source -> parse -> scan -> chunk -> embed -> index version -> gate -> live."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import Progress
from groundwork.core.scan import Verdict
from groundwork.ingestion.build import Built, Tools, build, stale_ids
from groundwork.ingestion.check import Limits, refusal
from groundwork.ingestion.parse.base import PARSER_VERSION
from groundwork.ingestion.plan import Plan, discover
from groundwork.ingestion.sources.base import Source
from groundwork.ingestion.spool import Spool
from groundwork.retrieval.index.base import MANIFEST, IndexStore, VersionWriter
from groundwork.retrieval.index.manifest import BuildStats, Manifest, Quarantined, version_id
from groundwork.retrieval.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to bring in. The sources named are the whole of the index: pages they no longer hold leave it.

    `verdicts` are what people decided about pages in quarantine, by content hash.
    """

    index: str
    sources: tuple[Source, ...]
    limits: Limits
    promote: bool = True
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What an ingest did. `promoted` is true where `version` answers now, also if it did before."""

    index: str
    version: str | None
    promoted: bool
    unchanged: bool
    refusal: str | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    pages: int
    chunks: int
    quarantined: tuple[Quarantined, ...] = ()
    stats: BuildStats = field(default_factory=BuildStats)


def ingest(
    request: IngestRequest, store: IndexStore, tools: Tools, progress: Progress
) -> IngestResult:
    """Bring an index up to date with its sources.

    The live version answers until the new one is complete, checked and promoted; a kill at any moment
    leaves it as it was. Raises SourceError where a source cannot be read at all.
    """
    began = time.monotonic()
    live = live_manifest(store, request.index)
    config = configuration(tools)
    base = live if live is not None and live.config == config else None
    with Spool[RawDocument]() as work:
        plan = discover(_read(request), base, work, progress, request.verdicts)
        if base is not None and _nothing_changed(plan, base):
            return _unchanged(base, plan, began)
        with store.begin(
            request.index,
            dimension=tools.embedder.dimension,
            base=base.version if base else None,
        ) as writer:
            lexicon = _clear_stale(plan, base, store, writer)
            built = build(plan, writer, lexicon, tools, progress)
            manifest = _manifest(request, config, plan, built, live, began)
            if not manifest.pages:
                raise InvalidInput(_nothing_read(plan, built), field="source")
            writer.put_blob(MANIFEST, manifest.to_json())
            writer.put_blob("lexicon", lexicon.to_bytes())
            writer.seal(manifest.version)
    promoted = request.promote and manifest.refusal is None
    if promoted:
        store.promote(request.index, manifest.version)
    return _result(manifest, plan, promoted=promoted)


def dry_run(
    request: IngestRequest, store: IndexStore, tools: Tools, progress: Progress
) -> IngestResult:
    """What `ingest` would do, without parsing or writing anything."""
    live = live_manifest(store, request.index)
    base = live if live is not None and live.config == configuration(tools) else None
    with Spool[RawDocument]() as work:
        plan = discover(_read(request), base, work, progress, request.verdicts)
        return IngestResult(
            request.index,
            None,
            promoted=False,
            unchanged=base is not None and _nothing_changed(plan, base),
            refusal=None,
            added=tuple(plan.added),
            changed=tuple(plan.changed),
            removed=tuple(plan.removed),
            skipped=tuple(plan.skipped),
            pages=len(plan.kept) + len(plan.work),
            chunks=0,
        )


def live_manifest(store: IndexStore, index: str) -> Manifest | None:
    """The manifest of what answers now, if anything does."""
    version = store.alias(index)
    return Manifest.from_json(store.manifest(index, version)) if version else None


def configuration(tools: Tools) -> dict[str, Any]:
    """Everything besides the sources that decides what a version holds."""
    return {
        "embedder": tools.embedder.identity,
        "dimension": tools.embedder.dimension,
        "chunking": tools.chunking.identity(),
        "parser": PARSER_VERSION,
        "scanner": tools.scanner.version,
        "url_base": tools.parsing.url_base,
        "site": tools.parsing.site,
        "product_version": tools.parsing.product_version,
        "tags": list(tools.parsing.tags),
    }


def _read(request: IngestRequest) -> Iterator[RawDocument | Skipped]:
    for source in request.sources:
        yield from source.read()


def _nothing_changed(plan: Plan, base: Manifest) -> bool:
    if len(plan.work) or plan.removed:
        return False
    if set(plan.quarantined) != set(base.quarantined):
        return False
    return {(bad.page, bad.reason) for bad in plan.skipped} == {
        (bad.page, bad.reason) for bad in base.skipped
    }


def _clear_stale(
    plan: Plan, base: Manifest | None, store: IndexStore, writer: VersionWriter
) -> Lexicon:
    """Take changed and removed pages out of the copied base, and their terms out of its lexicon."""
    if base is None:
        return Lexicon()
    stale = [entry for entry in base.pages if entry.page not in plan.kept]
    ids = stale_ids(stale)
    reader = store.open(base.index, base.version)
    try:
        lexicon = Lexicon.from_bytes(reader.blob("lexicon"))
        for stored in reader.fetch(ids):
            lexicon.remove(stored.chunk.lexical_text)
    finally:
        reader.close()
    writer.remove(ids)
    return lexicon


def _manifest(
    request: IngestRequest,
    config: dict[str, Any],
    plan: Plan,
    built: Built,
    live: Manifest | None,
    began: float,
) -> Manifest:
    pages = tuple(sorted([*plan.kept.values(), *built.pages], key=lambda entry: entry.page))
    skipped = tuple(sorted([*plan.skipped, *built.failed], key=lambda entry: entry.page))
    held = tuple(sorted([*plan.quarantined, *built.quarantined], key=lambda entry: entry.page))
    return Manifest(
        index=request.index,
        version=version_id(pages, skipped, config, held),
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        parent=live.version if live else None,
        config=config,
        sources=tuple(source.label for source in request.sources),
        pages=pages,
        skipped=skipped,
        quarantined=held,
        refusal=refusal((entry.page for entry in pages), skipped, live, request.limits),
        stats=BuildStats(
            seconds=time.monotonic() - began,
            added=len(plan.added),
            changed=len(plan.changed),
            removed=len(plan.removed),
            unchanged=len(plan.kept),
            embedded=built.embedded,
            reused=built.reused + sum(len(entry.chunks) for entry in plan.kept.values()),
            tokens=built.tokens,
        ),
    )


def _nothing_read(plan: Plan, built: Built) -> str:
    if plan.quarantined or built.quarantined:
        held = [*plan.quarantined, *built.quarantined][0]
        return f"every readable page is in quarantine; first: {held.page}: {held.excerpt}"
    reasons = [*plan.skipped, *built.failed]
    if not reasons:
        return "the sources hold no documentation file (Markdown, RST, HTML, notebook, text, PDF, DOCX)"
    first = reasons[0]
    return f"none of {len(reasons)} files could be read; first: {first.page}: {first.detail}"


def _unchanged(base: Manifest, plan: Plan, began: float) -> IngestResult:
    stats = BuildStats(
        seconds=time.monotonic() - began, unchanged=len(plan.kept), reused=base.chunk_count
    )
    return IngestResult(
        base.index,
        base.version,
        promoted=True,
        unchanged=True,
        refusal=None,
        added=(),
        changed=(),
        removed=(),
        skipped=base.skipped,
        quarantined=base.quarantined,
        pages=len(base.pages),
        chunks=base.chunk_count,
        stats=stats,
    )


def _result(manifest: Manifest, plan: Plan, *, promoted: bool) -> IngestResult:
    return IngestResult(
        manifest.index,
        manifest.version,
        promoted=promoted,
        unchanged=False,
        refusal=manifest.refusal,
        added=tuple(plan.added),
        changed=tuple(plan.changed),
        removed=tuple(plan.removed),
        skipped=manifest.skipped,
        quarantined=manifest.quarantined,
        pages=len(manifest.pages),
        chunks=manifest.chunk_count,
        stats=manifest.stats,
    )
