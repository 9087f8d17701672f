"""A registry of one process, for tests and trials."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from groundwork.core.errors import Conflict
from groundwork.core.registry.base import Candidate, Event, Line, Registered
from groundwork.core.registry.files import contents, digests_of, write_files
from groundwork.core.registry.references import matching

_LOCK_SECONDS = 10.0


class MemoryRegistry:
    """See `base.Registry`."""

    def __init__(self) -> None:
        self._releases: dict[Line, list[Registered]] = {}
        self._files: dict[str, dict[str, bytes]] = {}
        self._aliases: dict[Line, dict[str, str]] = {}
        self._tags: dict[Line, dict[str, str]] = {}
        self._history: dict[Line, list[Event]] = {}
        self._locks: dict[Line, threading.Lock] = {}
        self._lock = threading.RLock()

    def register(self, candidate: Candidate) -> Registered:
        """Keep it."""
        with self._lock:
            known = self._releases.setdefault(candidate.line, [])
            for release in known:
                if release.id == candidate.id:
                    self.add_metrics(
                        release,
                        {k: v for k, v in candidate.metrics.items() if k not in release.metrics},
                    )
                    return self.find(release.id, release.line)
            files = contents(candidate)
            at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            release = Registered(
                candidate.id,
                candidate.line,
                len(known) + 1,
                at,
                dict(candidate.content),
                digests_of(files),
                candidate.lineage,
                dict(candidate.metrics),
            )
            known.append(release)
            self._files[release.id] = files
            return release

    def find(self, reference: str, line: Line | None = None) -> Registered:
        """See `references.matching`."""
        with self._lock:
            lines = [line] if line is not None else self.lines()
            return matching(reference, line, [one for each in lines for one in self.releases(each)])

    def lines(self) -> list[Line]:
        """In the order of their names."""
        with self._lock:
            return sorted((line for line, held in self._releases.items() if held), key=str)

    def releases(self, line: Line) -> list[Registered]:
        """Newest first, with their aliases."""
        with self._lock:
            aliases = self._aliases.get(line, {})
            return [
                replace(one, aliases=tuple(sorted(a for a, to in aliases.items() if to == one.id)))
                for one in reversed(self._releases.get(line, []))
            ]

    def aliases(self, line: Line) -> dict[str, str]:
        """By alias."""
        with self._lock:
            return dict(self._aliases.get(line, {}))

    def point(self, line: Line, alias: str, release: str | None) -> None:
        """Move it."""
        with self._lock:
            if release is not None:
                self.find(release, line)
                self._aliases.setdefault(line, {})[alias] = release
            else:
                self._aliases.get(line, {}).pop(alias, None)

    def tags(self, line: Line) -> dict[str, str]:
        """By key."""
        with self._lock:
            return dict(self._tags.get(line, {}))

    def tag(self, line: Line, key: str, value: str | None) -> None:
        """Note it."""
        with self._lock:
            if value is not None:
                self._tags.setdefault(line, {})[key] = value
            else:
                self._tags.get(line, {}).pop(key, None)

    @contextmanager
    def exclusive(self, line: Line) -> Iterator[None]:
        """A lock of this process."""
        with self._lock:
            lock = self._locks.setdefault(line, threading.Lock())
        if not lock.acquire(timeout=_LOCK_SECONDS):
            raise Conflict(f"somebody else moves releases of {line}; try again", field="line")
        try:
            yield
        finally:
            lock.release()

    def files(self, release: Registered, into: Path) -> Path:
        """Written out."""
        with self._lock:
            held = dict(self._files[release.id])
        return write_files(release, into, lambda name: held[name])

    def add_metrics(self, release: Registered, metrics: Mapping[str, float]) -> None:
        """Kept beside the others."""
        with self._lock:
            known = self._releases[release.line]
            at = next(n for n, one in enumerate(known) if one.id == release.id)
            known[at] = replace(known[at], metrics={**known[at].metrics, **metrics})

    def add_file(self, release: Registered, name: str, content: bytes) -> None:
        """Kept; a file that decides the release stays as it is."""
        with self._lock:
            known = self._releases[release.line]
            at = next(n for n, one in enumerate(known) if one.id == release.id)
            if name in known[at].digests and self._files[release.id][name] != content:
                raise Conflict(f"{release.id} has a file {name} already", field="file")
            self._files[release.id][name] = content
            known[at] = replace(known[at], digests=digests_of(self._files[release.id]))

    def record(self, line: Line, event: Event) -> None:
        """Added."""
        with self._lock:
            self._history.setdefault(line, []).append(event)

    def history(self, line: Line) -> list[Event]:
        """Newest first."""
        with self._lock:
            return self._history.get(line, [])[::-1]

    def close(self) -> None:
        """Nothing to close."""
