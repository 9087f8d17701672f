"""A service follows the champion of a line: what the alias names answers within seconds, and no request is dropped for it.

A request leases what is loaded when it begins and keeps it to its end. A release that cannot be loaded leaves the one before
it serving. While a release is tried, its share of the keys is sent to it. `followers.py` has the thread that looks at the
registry, loads and closes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from groundwork.core.errors import GroundworkError, InvalidInput, Unavailable
from groundwork.core.registry.base import CHAMPION, PREVIOUS, Line, Registered, Registry
from groundwork.core.registry.held import Add, Held, Loaded, Noting
from groundwork.core.registry.observe import Role
from groundwork.core.registry.trial import TRIAL, Trial, overtaken

_log = logging.getLogger("groundwork.releases")

T = TypeVar("T")

# A release that cannot be loaded is tried again after this, then after twice that, and so on.
_FIRST_RETRY_SECONDS = 5.0
_LAST_RETRY_SECONDS = 600.0


class Loader(Protocol[T]):
    """How a kind of release becomes something that answers. Called from one thread."""

    def load(self, release: Registered, folder: Path) -> T:
        """`folder` holds its files. Raises whatever it likes: then this release does not serve."""
        ...

    def close(self, value: T, /) -> None:
        """Nobody uses it any more."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """Where one line stands in this process.

    `champion` and `challenger` are what is loaded, "" for nothing; `wanted` is what the registry calls champion, and `trial`
    what it says is being tried. `failed` says by release why it cannot be loaded, `tries` how often that was found in a row.
    `failures` and `leases` (by role) count from the start.
    """

    line: Line
    champion: str
    challenger: str
    wanted: str
    trial: Trial | None
    failed: Mapping[str, str]
    tries: Mapping[str, int]
    failures: int
    leases: Mapping[Role, int]


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    tries: int
    again_at: float


class Follower(Generic[T]):
    """One line. Leases from any thread; `look` and `close` from one thread at a time."""

    def __init__(
        self,
        line: Line,
        loader: Loader[T],
        fallback: T | None = None,
        *,
        add: Add = lambda _: None,
        discard: Callable[[Callable[[], None]], None] = lambda close: close(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fallback` answers as long as nothing is registered, and stays its owner's.

        `add` keeps observations. `discard` closes a release, elsewhere and later where closing may take long.
        """
        self.line = line
        self._loader = loader
        self._add = add
        self._discard = discard
        self._clock = clock
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._fallback = None if fallback is None else Loaded("", fallback)
        self._champion: Loaded[T] | None = self._fallback
        self._challenger: Loaded[T] | None = None
        # The trial that is in force here: both of its releases are loaded.
        self._trial: Trial | None = None
        self._wanted = ""
        self._said: Trial | None = None
        self._failed: dict[str, _Failure] = {}
        # Retired, and still leased.
        self._leaving: list[Loaded[T]] = []
        self._failures = 0
        self._leases: dict[Role, int] = {"champion": 0, "challenger": 0}

    @contextmanager
    def lease(self, key: str | None = None, request: str | None = None) -> Iterator[Held[T]]:
        """What answers requests of this key, for the duration of the block; the champion where there is no key.

        A key is a conversation, or whatever else one release is to answer all along. `request` is the id under which the
        request is noted while a trial runs. Raises Unavailable where nothing is loaded yet.
        """
        with self._lock:
            loaded, role, noting = self._choose(key, request)
            loaded.leases += 1
            self._leases[role] += 1
        with self._lent(loaded, Held(loaded, role, noting)) as held:
            yield held

    @contextmanager
    def shadow(self, key: str, request: str | None = None) -> Iterator[Held[T] | None]:
        """The challenger that a copy of this request is to be put to; None where none is.

        `request` is the same as in the lease of the champion: that is how a copy finds its original.
        """
        with self._lock:
            trial, loaded = self._trial, self._challenger
            if trial is None or not _is_copied(trial, key):
                loaded = None
            if loaded is not None:
                loaded.leases += 1
                self._leases["challenger"] += 1
        if loaded is None or trial is None:
            yield None
            return
        with self._lent(
            loaded, Held(loaded, "challenger", Noting(self._add, trial, key, request))
        ) as held:
            yield held

    def wait(self, seconds: float) -> bool:
        """Until the registry was looked at once; whether it was in time."""
        return self._settled.wait(seconds)

    def status(self) -> Status:
        """Where it stands."""
        with self._lock:
            return Status(
                line=self.line,
                champion=self._champion.release if self._champion else "",
                challenger=self._challenger.release if self._challenger else "",
                wanted=self._wanted,
                trial=self._said,
                failed={release: failure.reason for release, failure in self._failed.items()},
                tries={release: failure.tries for release, failure in self._failed.items()},
                failures=self._failures,
                leases=dict(self._leases),
            )

    def in_use(self) -> set[str]:
        """Releases that are loaded, those among them that only answer their last requests."""
        with self._lock:
            held = [self._champion, self._challenger, *self._leaving]
            return {each.release for each in held if each is not None and each.release}

    def look(self, registry: Registry, folder: Path) -> None:
        """Load what the registry names and let go of the rest. Raises what the registry raises; then all stays as it is."""
        try:
            self._look(registry, folder)
        finally:
            self._settled.set()

    def close(self) -> None:
        """Let go of everything; what is leased closes with its last lease."""
        with self._lock:
            self._said, self._wanted = None, ""
        self._serve(None, None)

    def _look(self, registry: Registry, folder: Path) -> None:
        aliases = registry.aliases(self.line)
        said = self._read_trial(registry.tags(self.line).get(TRIAL))
        wanted = aliases.get(CHAMPION, "")
        if said is not None and overtaken(said, aliases) is not None:
            # Whoever watches trials will end it.
            said = None
        with self._lock:
            self._wanted, self._said = wanted, said
            tried = {wanted, said.challenger if said else ""}
            if wanted in self._failed:
                tried.add(aliases.get(PREVIOUS, ""))
            self._failed = {each: why for each, why in self._failed.items() if each in tried}
        loaded = self._load(registry, wanted, folder) if wanted else None
        champion = loaded or self._champion
        if champion in {None, self._fallback} and PREVIOUS in aliases:
            # Nothing was serving yet when the champion did not load, as after a restart.
            champion = self._load(registry, aliases[PREVIOUS], folder) or champion
        # The champion first: what is tried may take longer to load.
        self._serve(champion, said if self._is_loaded(said, champion) else None)
        if said is not None and loaded is not None:
            challenger = self._load(registry, said.challenger, folder)
            if challenger is not None:
                self._serve(champion, said, challenger)

    def _choose(
        self, key: str | None, request: str | None
    ) -> tuple[Loaded[T], Role, Noting | None]:
        champion, challenger, trial = self._champion, self._challenger, self._trial
        if champion is None:
            why = "; ".join(failure.reason for failure in self._failed.values())
            raise Unavailable(
                f"no release of {self.line} is loaded" + (f": {why}" if why else ""),
                retry_after=2.0,
            )
        if trial is None or challenger is None or key is None or trial.expired():
            return champion, "champion", None
        noting, takes = Noting(self._add, trial, key, request), trial.takes(key)
        if trial.plan.mode == "shadow":
            return champion, "champion", noting if takes else None
        return (challenger, "challenger", noting) if takes else (champion, "champion", noting)

    @contextmanager
    def _lent(self, loaded: Loaded[T], held: Held[T]) -> Iterator[Held[T]]:
        try:
            yield held
        except BaseException as error:
            held.ended(error)
            raise
        else:
            held.ended()
        finally:
            with self._lock:
                loaded.leases -= 1
                done = loaded.retired and loaded.leases == 0
                if done:
                    self._leaving.remove(loaded)
            if done:
                self._let_go(loaded)

    def _is_loaded(self, trial: Trial | None, champion: Loaded[T] | None) -> bool:
        """Whether both of its releases are, with this champion."""
        if trial is None or champion is None or self._challenger is None:
            return False
        return (champion.release, self._challenger.release) == (trial.champion, trial.challenger)

    def _serve(
        self, champion: Loaded[T] | None, trial: Trial | None, challenger: Loaded[T] | None = None
    ) -> None:
        """From now on. With a trial and no challenger the one that is loaded stays."""
        with self._lock:
            before = [self._champion, self._challenger]
            self._champion, self._trial = champion, trial
            self._challenger = (challenger or self._challenger) if trial is not None else None
            gone = [
                each
                for each in before
                if each is not None and each not in (self._champion, self._challenger)
            ]
            for each in gone:
                each.retired = True
            idle = [each for each in gone if each.leases == 0]
            self._leaving += [each for each in gone if each.leases]
        for each in idle:
            self._let_go(each)
        if champion is not before[0] and champion is not None:
            _log.info("%s: %s answers", self.line, champion.release)

    def _load(self, registry: Registry, wanted: str, folder: Path) -> Loaded[T] | None:
        for loaded in (self._champion, self._challenger):
            if loaded is not None and loaded.release == wanted:
                return loaded
        failure = self._failed.get(wanted)
        if failure is not None and self._clock() < failure.again_at:
            return None
        try:
            release = registry.find(wanted, self.line)
            value = self._loader.load(release, registry.files(release, folder / wanted))
        except Exception as error:  # noqa: BLE001 -- the edge: whatever a loader raises, the old one serves on
            self._fail(wanted, error, failure.tries if failure is not None else 0)
            return None
        with self._lock:
            self._failed.pop(wanted, None)
        return Loaded(wanted, value)

    def _fail(self, release: str, error: Exception, tries: int) -> None:
        known = isinstance(error, GroundworkError)
        reason = error.detail if isinstance(error, GroundworkError) else repr(error)
        seconds = min(_FIRST_RETRY_SECONDS * 2**tries, _LAST_RETRY_SECONDS)
        with self._lock:
            self._failures += 1
            self._failed[release] = _Failure(reason, tries + 1, self._clock() + seconds)
        _log.error(
            "%s: %s cannot be loaded, what served before serves on; again in %.0f s: %s",
            *(self.line, release, seconds, reason),
            exc_info=None if known else error,
        )

    def _read_trial(self, text: str | None) -> Trial | None:
        try:
            return None if text is None else Trial.from_json(text)
        except InvalidInput as error:
            _log.warning("%s: %s", self.line, error.detail)
            return None

    def _let_go(self, loaded: Loaded[T]) -> None:
        if loaded is self._fallback:
            return

        def close() -> None:
            try:
                self._loader.close(loaded.value)
            except Exception:  # noqa: BLE001 -- the edge of a thread: nobody waits for this
                _log.exception("%s: %s did not close", self.line, loaded.release)

        self._discard(close)


def _is_copied(trial: Trial, key: str) -> bool:
    return trial.plan.mode == "shadow" and trial.takes(key) and not trial.expired()
