"""Keeping a page out of the index because of what it says to the assistant, until a person decides."""

from __future__ import annotations

from collections.abc import Mapping

from groundwork.core.documents import Document
from groundwork.core.scan import ScanFinding, Scanner, Verdict
from groundwork.retrieval.index.manifest import Quarantined


def quarantined(
    document: Document, scanner: Scanner, verdicts: Mapping[str, Verdict]
) -> Quarantined | None:
    """The entry of a page that must stay out, None for one that may go in. `verdicts` are by content hash."""
    verdict = verdicts.get(document.content_hash)
    if verdict == "release":
        return None
    found = scanner.scan(document)
    if found is None and verdict == "confirm":
        found = ScanFinding("confirmed", "", 1.0)
    if found is None:
        return None
    return Quarantined(
        page=document.page,
        content_hash=document.content_hash,
        reason=found.reason,
        excerpt=found.excerpt,
        snippet_digest=found.digest,
        score=found.score,
        confirmed=verdict == "confirm",
    )
