"""Files of releases and trainings that nobody needs any more.

A folder in use is touched, and one goes when nothing has touched it for long: other processes that share the home are safe,
whatever they have loaded, because they touch what they use as well. What goes can be brought again from the registry.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from groundwork.core.registry.base import Registry
from groundwork.core.registry.followers import Followers

_log = logging.getLogger("groundwork.releases")

EVERY_SECONDS = 6 * 3600.0
# A release that is named is touched every time; this leaves three misses.
RELEASE_SECONDS = 24 * 3600.0
# Data that trainings brought, and what they had prepared: one that was cut off may go on for so long.
WORK_SECONDS = 30 * 24 * 3600.0

_RELEASE = re.compile(r"rel-[0-9a-f]{12}")


class Leftovers:
    """Clears folders of folders. Called from the thread that loads releases, so that none is loaded meanwhile."""

    def __init__(
        self,
        releases: Sequence[Path],
        work: Sequence[Path] = (),
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`releases` hold a folder a release, by its id; `work` holds a folder a training."""
        self._releases = tuple(releases)
        self._work = tuple(work)
        self._clock = clock
        self._cleared_at = float("-inf")

    def beside(self, registry: Registry, followers: Followers) -> None:
        """For `Followers`: every six hours. Raises Unavailable; then nothing went."""
        if self._clock() - self._cleared_at < EVERY_SECONDS:
            return
        self.clear(named(registry) | followers.in_use())
        self._cleared_at = self._clock()

    def clear(self, keep: Collection[str]) -> list[Path]:
        """Remove what is not among the releases to keep and was not touched for long; returns what went."""
        now, gone = self._clock(), []
        for folder in _within(self._releases):
            if folder.name in keep:
                os.utime(folder, (now, now))
            elif _RELEASE.fullmatch(folder.name) and _age(folder, now) > RELEASE_SECONDS:
                gone.append(folder)
        gone += [each for each in _within(self._work) if _age(each, now) > WORK_SECONDS]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        if gone:
            _log.info("removed files that no line names: %s", ", ".join(each.name for each in gone))
        return gone


def named(registry: Registry) -> set[str]:
    """Releases that an alias of any line points at. Raises Unavailable."""
    return {release for line in registry.lines() for release in registry.aliases(line).values()}


def _within(folders: Sequence[Path]) -> list[Path]:
    return [
        each
        for folder in folders
        if folder.is_dir()
        for each in sorted(folder.iterdir())
        if each.is_dir() and not each.is_symlink()
    ]


def _age(folder: Path, now: float) -> float:
    """Since anything in it changed: a folder does not notice what happens two levels down."""
    latest = folder.stat().st_mtime
    for at, _, _ in os.walk(folder):
        latest = max(latest, Path(at).stat().st_mtime)
    return now - latest
