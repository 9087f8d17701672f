"""What an ingest has to do: the sources against the live version, by content hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.progress import Progress
from groundwork.core.scan import Verdict
from groundwork.ingestion.spool import Spool
from groundwork.retrieval.index.manifest import Manifest, PageEntry, Quarantined


@dataclass(slots=True)
class Plan:
    """The difference between what the sources hold and what a base version holds.

    `work` holds the pages to parse, added and changed ones; `kept` the base's entries that stay as they are and
    `quarantined` those that stay out. `verdicts` are what people decided, by content hash.
    """

    work: Spool[RawDocument]
    kept: dict[str, PageEntry] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    bytes: int = 0

    @property
    def found(self) -> int:
        """Files that the sources offered, good or bad."""
        return len(self.kept) + len(self.work) + len(self.skipped) + len(self.quarantined)


def discover(
    entries: Iterable[RawDocument | Skipped],
    base: Manifest | None,
    work: Spool[RawDocument],
    progress: Progress,
    verdicts: Mapping[str, Verdict] | None = None,
) -> Plan:
    """Read the sources once and sort every file into kept, to do, or skipped.

    A file that failed to parse in the base version and has not changed since is not tried again, and one in
    quarantine is not scanned again unless a person decided otherwise since. A page that two sources claim goes in
    once; the second claim is reported.
    """
    plan = Plan(work, verdicts=verdicts or {})
    known = base.by_page() if base else {}
    failed = {(bad.page, bad.content_hash): bad for bad in base.skipped} if base else {}
    held = {(one.page, one.content_hash): one for one in base.quarantined} if base else {}
    seen: set[str] = set()
    progress.stage("discover", unit="files")
    for entry in entries:
        progress.advance()
        if isinstance(entry, Skipped):
            plan.skipped.append(entry)
            continue
        if entry.page in seen:
            plan.skipped.append(
                Skipped(entry.page, "duplicate-page", "another source holds a page of this path")
            )
            continue
        seen.add(entry.page)
        if _stays_out(plan, entry, held.get((entry.page, entry.content_hash))):
            continue
        _sort(plan, entry, known.get(entry.page), failed.get((entry.page, entry.content_hash)))
    plan.removed = sorted(set(known) - seen)
    return plan


def _stays_out(plan: Plan, entry: RawDocument, held: Quarantined | None) -> bool:
    """Whether a page is in quarantine and nobody has released it."""
    verdict = plan.verdicts.get(entry.content_hash)
    if held is None or verdict == "release":
        return False
    plan.quarantined.append(replace(held, confirmed=verdict == "confirm"))
    return True


def _sort(plan: Plan, entry: RawDocument, before: PageEntry | None, bad: Skipped | None) -> None:
    if bad is not None:
        plan.skipped.append(bad)
    elif before is None or _to_do(plan, entry, before):
        (plan.added if before is None else plan.changed).append(entry.page)
        plan.work.append(entry)
        plan.bytes += len(entry.content)
    else:
        plan.kept[entry.page] = before


def _to_do(plan: Plan, entry: RawDocument, before: PageEntry) -> bool:
    """Changed, or released once and confirmed as an attack since: then it is scanned again."""
    changed = before.content_hash != entry.content_hash
    return changed or plan.verdicts.get(entry.content_hash) == "confirm"


def failure(entry: RawDocument, reason: str, detail: str) -> Skipped:
    """A file that was read and could not be parsed."""
    return replace(Skipped(entry.page, reason, detail), content_hash=entry.content_hash)
