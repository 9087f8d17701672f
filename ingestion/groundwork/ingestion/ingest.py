"""The document path: source -> parse -> scan -> chunk -> embed -> index version -> gate -> live."""

from __future__ import annotations

import time

from groundwork.core.documents import RawDocument
from groundwork.core.progress import Progress
from groundwork.ingestion.build import Tools, build
from groundwork.ingestion.outcome import IngestRequest, IngestResult, outcome, unchanged
from groundwork.ingestion.plan import discover
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
from groundwork.retrieval.index.base import IndexStore

__all__ = ["IngestRequest", "IngestResult", "dry_run", "ingest"]


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
    base = comparable(live, config)
    with Spool[RawDocument]() as work:
        with tools.trace.stage("discover") as stage:
            plan = discover(request.read(), base, work, progress, request.verdicts)
            stage.note(files=plan.found, pages=len(plan.work), removed=len(plan.removed))
        if base is not None and nothing_changed(plan, base):
            return unchanged(base, plan, began)
        with store.begin(
            request.index,
            dimension=tools.embedder.dimension,
            base=base.version if base else None,
        ) as writer:
            lexicon = clear_stale(plan, base, store, writer)
            built = build(plan, writer, lexicon, tools, progress)
            origin = Origin(request.index, request.labels, config, request.limits, began)
            manifest = manifest_of(origin, plan, built, live)
            closed(writer, lexicon, manifest)
    promoted = request.promote and manifest.refusal is None
    if promoted:
        with tools.trace.stage("publish") as stage:
            store.promote(request.index, manifest.version)
            stage.note(version=manifest.version)
    return outcome(manifest, plan, promoted=promoted)


def dry_run(
    request: IngestRequest, store: IndexStore, tools: Tools, progress: Progress
) -> IngestResult:
    """What `ingest` would do, without parsing or writing anything."""
    base = comparable(live_manifest(store, request.index), configuration(tools))
    with Spool[RawDocument]() as work:
        plan = discover(request.read(), base, work, progress, request.verdicts)
        return IngestResult(
            request.index,
            None,
            promoted=False,
            unchanged=nothing_changed(plan, base),
            refusal=None,
            added=tuple(plan.added),
            changed=tuple(plan.changed),
            removed=tuple(plan.removed),
            skipped=tuple(plan.skipped),
            pages=len(plan.kept) + len(plan.work),
            chunks=0,
        )
