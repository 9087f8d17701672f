"""Versions of an index: what one is compared with, what goes into it, and how it is closed.

Shared by an ingest in one go (`ingest`) and one in shards (`shards`): both end in the same version.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from groundwork.core.errors import InvalidInput
from groundwork.ingestion.build import Built, Tools, stale_ids
from groundwork.ingestion.check import Limits, refusal
from groundwork.ingestion.parse.base import PARSER_VERSION
from groundwork.ingestion.plan import Plan
from groundwork.retrieval.index.base import MANIFEST, IndexStore, VersionWriter
from groundwork.retrieval.index.manifest import BuildStats, Manifest, version_id
from groundwork.retrieval.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a version comes from. `began` is the monotonic time of this process's part, `seconds` what came before it."""

    index: str
    sources: tuple[str, ...]
    config: dict[str, Any]
    limits: Limits
    began: float
    seconds: float = 0.0


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


def comparable(live: Manifest | None, config: dict[str, Any]) -> Manifest | None:
    """The live version, where a new one may be built upon it: everything besides the sources is the same."""
    return live if live is not None and live.config == config else None


def nothing_changed(plan: Plan, base: Manifest | None) -> bool:
    """Whether the sources hold what the base version holds."""
    if base is None:
        return False
    if len(plan.work) or plan.removed:
        return False
    if set(plan.quarantined) != set(base.quarantined):
        return False
    return {(bad.page, bad.reason) for bad in plan.skipped} == {
        (bad.page, bad.reason) for bad in base.skipped
    }


def clear_stale(
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


def closed(writer: VersionWriter, lexicon: Lexicon, manifest: Manifest) -> None:
    """Seal the version."""
    writer.put_blob(MANIFEST, manifest.to_json())
    writer.put_blob("lexicon", lexicon.to_bytes())
    writer.seal(manifest.version)


def manifest_of(origin: Origin, plan: Plan, built: Built, live: Manifest | None) -> Manifest:
    """The record of what the plan keeps and what was built. Raises InvalidInput where no page could be read."""
    if not plan.kept and not built.pages:
        raise InvalidInput(_nothing_read(plan, built), field="source")
    pages = tuple(sorted([*plan.kept.values(), *built.pages], key=lambda entry: entry.page))
    skipped = tuple(sorted([*plan.skipped, *built.failed], key=lambda entry: entry.page))
    held = tuple(sorted([*plan.quarantined, *built.quarantined], key=lambda entry: entry.page))
    return Manifest(
        index=origin.index,
        version=version_id(pages, skipped, origin.config, held),
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        parent=live.version if live else None,
        config=origin.config,
        sources=origin.sources,
        pages=pages,
        skipped=skipped,
        quarantined=held,
        refusal=refusal((entry.page for entry in pages), skipped, live, origin.limits),
        stats=BuildStats(
            seconds=origin.seconds + time.monotonic() - origin.began,
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
