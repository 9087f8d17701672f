"""What a person calls a release: its id, an alias, its number, `latest`."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.registry.base import Line, Registered

LATEST = "latest"
_SHOWN = 5


def matching(reference: str, line: Line | None, releases: Sequence[Registered]) -> Registered:
    """The one of `releases`, newest first, that is meant.

    Without a line only an id, or the beginning of one that fits only one, is understood. Raises NotFound that lists what there
    is, InvalidInput where more than one fits.
    """
    if line is not None:
        for release in releases:
            if reference in release.aliases or reference == str(release.number):
                return release
        if reference == LATEST and releases:
            return releases[0]
    found = [release for release in releases if release.id == reference]
    if not found and reference.startswith("rel-") and len(reference) > len("rel-") + 3:
        found = [release for release in releases if release.id.startswith(reference)]
    lines = {str(release.line) for release in found}
    if len(found) > 1:
        raise InvalidInput(
            f"{reference} may be {' or '.join(sorted({one.id for one in found}))} of "
            f"{', '.join(sorted(lines))}; write more of it, or name the line",
            field="release",
        )
    if not found:
        where = f" in {line}" if line is not None else ""
        known = ", ".join(f"{one.id} ({one.line})" for one in releases[:_SHOWN])
        there = f"there is {known}" if known else "there is none yet"
        more = len(releases) - _SHOWN
        there += f" and {more} more" if more > 0 else ""
        raise NotFound(f"no release {reference}{where}; {there}", field="release")
    return found[0]
