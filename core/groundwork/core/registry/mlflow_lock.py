"""One mover of a line at a time: a locked file where all are on one machine, else a lock that MLflow itself keeps.

A file's lock goes with its process. In MLflow a lock is a registered model of a name of its own, since a name is made once
whatever the store is. Its holder renews it, and one that is renewed no more is broken by whoever waits for it.
"""

from __future__ import annotations

import fcntl
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundwork.core.errors import Conflict, GroundworkError
from groundwork.core.registry.mlflow_client import is_missing, is_there, speaking

_log = logging.getLogger("groundwork.releases")

_PREFIX = "groundwork-lock."
_BROKEN = "groundwork-lock-broken."
_BEAT = "beat"
_TOKEN = "token"  # noqa: S105 -- a tag's key
_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
_BEAT_SECONDS = 2.0
# So many beats may be missed; well within the wait, so that a dead holder costs whoever comes next no error.
_STALE_SECONDS = 10.0


@contextmanager
def file_lock(path: Path, shown: str, wait_seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """For processes and threads of one machine. Raises Conflict where somebody else holds it for long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        until = time.monotonic() + wait_seconds
        while not _locked(file.fileno()):
            if time.monotonic() > until:
                raise _held_for_long(shown)
            time.sleep(_PAUSE_SECONDS)
        # Closing the file opens the lock.
        yield


class ModelLock:
    """The lock of one line, for processes that have nothing in common but MLflow."""

    def __init__(
        self,
        client: Any,
        url: str,
        model: str,
        shown: str,
        *,
        wait_seconds: float = _WAIT_SECONDS,
        beat_seconds: float = _BEAT_SECONDS,
        stale_seconds: float = _STALE_SECONDS,
    ) -> None:
        self._client = client
        self._url = url
        self._name = _PREFIX + model
        self._shown = shown
        self._wait = wait_seconds
        self._beat = beat_seconds
        self._stale = stale_seconds

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises Conflict where somebody else holds it for long."""
        with speaking(self._url):
            token = self._take()
        done = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(done,), name="lock", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            done.set()
            renewing.join()
            self._give_back(token)

    def _take(self) -> str:
        token = secrets.token_hex(8)
        until = time.monotonic() + self._wait
        # What was last seen of whoever holds it, and since when: by our own clock, for theirs may be another.
        seen: tuple[str, str] | None = None
        since = 0.0
        while not self._made(token):
            now = time.monotonic()
            if now > until:
                raise _held_for_long(self._shown)
            holder = self._holder()
            if holder != seen:
                seen, since = holder, now
            elif holder is not None and now - since > self._stale:
                self._break(holder[0])
            time.sleep(_PAUSE_SECONDS)
        return token

    def _made(self, token: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._name, tags={_TOKEN: token, _BEAT: "0"})
        except MlflowException as error:
            if is_there(error):
                return False
            raise
        return True

    def _renew(self, done: threading.Event) -> None:
        beats = 0
        while not done.wait(self._beat):
            beats += 1
            try:
                with speaking(self._url):
                    self._client.set_registered_model_tag(self._name, _BEAT, str(beats))
            except GroundworkError as error:
                # The next beat may get through.
                _log.warning("the lock of %s was not renewed: %s", self._shown, error.detail)

    def _break(self, token: str) -> None:
        """Renamed rather than deleted: the new name exists once, so of several that break it one does, and none a newer lock."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.rename_registered_model(self._name, f"{_BROKEN}{token}")
        except MlflowException as error:
            # Somebody else was faster. Where the store is at fault, the next question to it says so.
            _log.debug("the lock of %s was not broken: %s", self._shown, error)
        else:
            _log.warning("the lock of %s was left behind by a process that is gone", self._shown)

    def _give_back(self, token: str) -> None:
        try:
            with speaking(self._url):
                self._drop(token)
        except GroundworkError as error:
            # What was done under it is done, and the lock will be broken by whoever comes next.
            _log.warning("the lock of %s was not given back: %s", self._shown, error.detail)

    def _drop(self, token: str) -> None:
        from mlflow.exceptions import MlflowException

        holder = self._holder()
        if holder is None or holder[0] != token:
            # Ours was broken; the lock is another's now.
            return
        try:
            self._client.delete_registered_model(self._name)
        except MlflowException as error:
            if not is_missing(error):
                raise

    def _holder(self) -> tuple[str, str] | None:
        """Its token and how often it was renewed."""
        from mlflow.exceptions import MlflowException

        try:
            tags = self._client.get_registered_model(self._name).tags
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
        return tags.get(_TOKEN, ""), tags.get(_BEAT, "")


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held_for_long(shown: str) -> Conflict:
    return Conflict(f"somebody else moves releases of {shown}; try again", field="line")
