"""What an ingest was asked for, and what it did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.scan import Verdict
from groundwork.ingestion.check import Limits
from groundwork.ingestion.plan import Plan
from groundwork.ingestion.sources.base import Source
from groundwork.retrieval.index.manifest import BuildStats, Manifest, Quarantined


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

    @property
    def labels(self) -> tuple[str, ...]:
        """The sources' names for people."""
        return tuple(source.label for source in self.sources)

    def read(self) -> Iterator[RawDocument | Skipped]:
        """Everything that the sources hold, one after the other."""
        for source in self.sources:
            yield from source.read()


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


def unchanged(base: Manifest, plan: Plan, began: float) -> IngestResult:
    """Nothing was to be done."""
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


def outcome(manifest: Manifest, plan: Plan, *, promoted: bool) -> IngestResult:
    """A version was built."""
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
