"""Lines whose champion decides what answers, whatever the settings say."""

from __future__ import annotations

from groundwork.core.registry.base import Line, Registry

# The note of such a line.
MANAGED = "managed"


def manage(registry: Registry, line: Line) -> None:
    """From now on the champion decides."""
    if MANAGED not in registry.tags(line):
        registry.tag(line, MANAGED, "registry")
