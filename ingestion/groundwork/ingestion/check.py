"""What a new version must pass before it goes live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groundwork.core.documents import Skipped
from groundwork.retrieval.index.manifest import Manifest

# Left out on purpose by their authors or by what they are; no sign of anything being broken.
_BENIGN = frozenset(
    {"draft", "navigation", "empty", "empty-file", "robots", "too-large", "lfs-pointer"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares between 0 and 1, of the files found and of the live version's pages."""

    max_failed_share: float
    max_vanished_share: float


def refusal(
    pages: Iterable[str], skipped: Iterable[Skipped], live: Manifest | None, limits: Limits
) -> str | None:
    """Why this version must not go live, in one sentence; None where it may."""
    held = set(pages)
    failed = [entry for entry in skipped if entry.reason not in _BENIGN]
    found = len(held) + len(failed)
    if not held:
        return "no page could be read"
    if found and len(failed) / found > limits.max_failed_share:
        return (
            f"{len(failed)} of {found} pages failed, more than the share of "
            f"{limits.max_failed_share:.0%} allowed (ingest.max_failed_share); first: "
            f"{failed[0].page}: {failed[0].detail}"
        )
    if live is None or not live.pages:
        return None
    vanished = [entry.page for entry in live.pages if entry.page not in held]
    if len(vanished) / len(live.pages) > limits.max_vanished_share:
        return (
            f"{len(vanished)} of the live version's {len(live.pages)} pages are gone, more than the "
            f"share of {limits.max_vanished_share:.0%} allowed (ingest.max_vanished_share); "
            f"first: {min(vanished)}"
        )
    return None
