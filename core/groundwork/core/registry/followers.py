"""All lines that a service follows, and the one thread that speaks to the registry for them.

Requests never wait for the registry, and its client is imported, opened and used by that thread alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from groundwork.core.errors import GroundworkError
from groundwork.core.registry.base import Line, Registry
from groundwork.core.registry.follow import Follower, Loader, Status
from groundwork.core.registry.held import Add

_log = logging.getLogger("groundwork.releases")

T = TypeVar("T")

_LAST_RETRY_SECONDS = 30.0
_STOP_SECONDS = 10.0
# How often a registry on this machine is glanced at between two looks, which costs a `stat`.
_GLANCE_SECONDS = 0.1

Beside = Callable[[Registry, "Followers"], None]


class Followers:
    """Lines may be added at any time. `start` begins the thread; without it, `look` does one round."""

    def __init__(
        self,
        open_registry: Callable[[], Registry],
        folder: Path,
        follow_seconds: float,
        *,
        add: Add = lambda _: None,
        beside: Beside | None = None,
        mark: Callable[[], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is for files of releases. `add` keeps observations; `beside` is called after each round.

        `mark` is something cheap that differs once the registry was written to: then it is looked at at once.
        """
        self._open_registry = open_registry
        self._folder = folder
        self._follow_seconds = follow_seconds
        self._add = add
        self._beside = beside
        self._mark = mark
        self._clock = clock
        self._registry: Registry | None = None
        self._followers: dict[Line, Follower[Any]] = {}
        self._waste: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._error = ""
        self._looked_at: float | None = None

    def follow(self, line: Line, loader: Loader[T], fallback: T | None = None) -> Follower[T]:
        """The line's follower, made where there is none yet. Never waits."""
        with self._lock:
            follower = self._followers.get(line)
            if follower is None:
                follower = Follower(
                    line,
                    loader,
                    fallback,
                    add=self._add,
                    discard=self._discard,
                    clock=self._clock,
                )
                self._followers[line] = follower
                self._wake.set()
            return follower

    def start(self) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._run, name="releases", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now, instead of after `follow_seconds`."""
        self._wake.set()

    def look(self) -> None:
        """One round. Not beside the thread."""
        self._clean()
        try:
            registry = self._registry = self._registry or self._open_registry()
            for follower in self._all():
                follower.look(registry, self._folder)
        except Exception as error:  # noqa: BLE001 -- the edge of a thread: what is loaded goes on answering
            self._failed(error)
            return
        if self._error:
            _log.info("the registry answers again")
        self._failures, self._error, self._looked_at = 0, "", self._clock()
        if self._beside is not None:
            try:
                self._beside(registry, self)
            except GroundworkError as error:
                _log.warning("trials could not be looked at: %s", error.detail)
            except Exception:  # noqa: BLE001 -- the edge of a thread, which goes on following
                _log.exception("trials could not be looked at")

    def status(self) -> list[Status]:
        """Where each line stands."""
        return [follower.status() for follower in self._all()]

    def in_use(self) -> set[str]:
        """Releases that are loaded in this process."""
        return set[str]().union(*(follower.in_use() for follower in self._all()))

    @property
    def error(self) -> str:
        """Why the registry does not answer; "" where it does."""
        return self._error

    @property
    def age_seconds(self) -> float | None:
        """How long ago the registry last answered; None where it never did."""
        return None if self._looked_at is None else self._clock() - self._looked_at

    def close(self) -> None:
        """Stop following. What is leased closes with its last lease."""
        with self._lock:
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        for follower in self._all():
            follower.close()
        self._clean()
        if self._registry is not None and (self._thread is None or not self._thread.is_alive()):
            self._registry.close()
            self._registry = None

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            self.look()
            wait = self._follow_seconds * 2**self._failures
            self._rest(min(wait, max(_LAST_RETRY_SECONDS, self._follow_seconds)))

    def _rest(self, seconds: float) -> None:
        """Until it is time for the next look, somebody wakes the thread, or the registry was written to."""
        if self._mark is None:
            self._wake.wait(seconds)
            return
        # Taken after the look, whose own writes are no news.
        before, until = self._mark(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._wake.wait(min(left, _GLANCE_SECONDS)) or self._mark() != before:
                return

    def _all(self) -> list[Follower[Any]]:
        with self._lock:
            return list(self._followers.values())

    def _failed(self, error: Exception) -> None:
        known = isinstance(error, GroundworkError)
        reason = error.detail if isinstance(error, GroundworkError) else repr(error)
        if not self._error:
            _log.warning(
                "the registry does not answer, what is loaded serves on: %s",
                reason,
                exc_info=None if known else error,
            )
        self._failures, self._error = min(self._failures + 1, 10), reason

    def _discard(self, close: Callable[[], None]) -> None:
        with self._lock:
            later = not self._closed
            if later:
                self._waste.append(close)
        if later:
            # A request does not wait for what it leaves behind.
            self._wake.set()
        else:
            close()

    def _clean(self) -> None:
        while self._waste:
            self._waste.popleft()()
