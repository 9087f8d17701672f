"""Redacting in one step: everything found by all rails at once.

Rails that each replaced what they found, one after the other, would leave pieces where their stretches overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groundwork.guardrails.rails.base import Finding


@dataclass(frozen=True, slots=True)
class Region:
    """Overlapping findings as one stretch, and what stands in its place."""

    start: int
    end: int
    replacement: str


def regions(findings: Iterable[Finding]) -> list[Region]:
    """The findings merged where they overlap, in order.

    Of several findings one gives the replacement: one that has none of its own before one that has, then the longest,
    then the first by kind.
    """
    merged: list[list[Finding]] = []
    end = -1
    for finding in sorted(findings, key=lambda each: (each.start, each.end, each.kind)):
        if merged and finding.start < end:
            merged[-1].append(finding)
        else:
            merged.append([finding])
            end = finding.end
        end = max(end, finding.end)
    return [_region(group) for group in merged]


def _region(group: list[Finding]) -> Region:
    start, end = group[0].start, max(finding.end for finding in group)
    chosen = min(
        group,
        key=lambda each: (
            each.replacement is not None, each.start - each.end, each.kind, each.start
        ),
    )  # fmt: skip
    return Region(start, end, placeholder(chosen))


def placeholder(finding: Finding) -> str:
    """What stands in a finding's place."""
    return f"[{finding.kind} removed]" if finding.replacement is None else finding.replacement


def apply(text: str, found: Iterable[Region], start: int, end: int) -> str:
    """`text[start:end]` with its regions replaced. Regions outside of it are left out; none may cross its ends."""
    out: list[str] = []
    position = start
    for region in found:
        if region.start < start or region.end > end:
            continue
        out += (text[position : region.start], region.replacement)
        position = region.end
    out.append(text[position:end])
    return "".join(out)
