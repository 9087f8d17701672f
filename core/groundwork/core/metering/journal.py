"""The journal: charges on disk before the answer's end is sent, until the database has them.

One append-only file a process under `GROUNDWORK_HOME/journal`, held by a lock that dies with its process. A record is the CRC-32
of a posting, a blank, the posting as JSON and a line break. Whoever finds a file that nobody holds posts what is in
it: posting is idempotent, so a record that had been posted already does no harm. No text of a question is in it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from groundwork.core.errors import Unavailable
from groundwork.core.metering.postings import Posting

_log = logging.getLogger("groundwork.ledger")

_SUFFIX = ".journal"
# A file whose records are all posted is emptied from this size on; before that, replaying it costs nothing much.
_EMPTY_FROM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Orphan:
    """What a process that died had not posted for sure. `damaged` records could not be read."""

    path: Path
    postings: tuple[Posting, ...]
    damaged: tuple[bytes, ...]


class Journal:
    """This process's file. Made at the first append; safe to use from several threads."""

    def __init__(self, folder: Path, *, sync_first: bool = False) -> None:
        """With `sync_first` an append returns when a power cut cannot take it any more, not only a killed process."""
        self._folder = folder
        self._sync_first = sync_first
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._file = -1
        self._path: Path | None = None
        self._size = 0
        self._written = 0
        self._synced = 0
        self._pending = 0

    @property
    def pending(self) -> int:
        """Records that are not posted yet."""
        return self._pending

    def append(self, posting: Posting) -> None:
        """Returns when the record outlives this process. Raises Unavailable where it cannot be written."""
        body = posting.to_json()
        record = b"%08x %b\n" % (crc32(body), body)
        try:
            with self._writing:
                self._open()
                self._write(record)
                self._pending += 1
                self._written += 1
            if self._sync_first:
                self.sync()
        except OSError as error:
            raise Unavailable(
                f"the journal of charges in {self._folder} cannot be written: {error.strerror}",
                field="home",
            ) from error

    def sync(self) -> None:
        """Force what was appended until now to disk. Raises OSError."""
        wanted = self._written
        # Whoever waits here finds its record synced by the one before: one flush for many.
        with self._syncing:
            if self._synced < wanted:
                reached = self._written
                os.fdatasync(self._file)
                self._synced = reached

    def settled(self, count: int) -> None:
        """So many records are posted."""
        with self._writing:
            self._pending -= count
            if self._pending == 0 and self._size >= _EMPTY_FROM_BYTES:
                os.ftruncate(self._file, 0)
                self._size = 0

    def refuse(self, posting: Posting, why: str) -> None:
        """Keep what the ledger will never take, for a person to look at."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "refused.jsonl").open("ab") as file:
            file.write(posting.to_json() + b"\n")
        _log.error("charges of request %s were refused and kept: %s", posting.request.id, why)

    @contextmanager
    def orphans(self) -> Iterator[Iterator[Orphan]]:
        """Files whose process is gone, held while they are looked at; `done` deletes one."""
        held: list[int] = []
        try:
            yield self._orphans(held)
        finally:
            for file in held:
                os.close(file)

    def done(self, orphan: Orphan) -> None:
        """Everything readable of it is posted; what is damaged is kept beside."""
        if orphan.damaged:
            kept = orphan.path.with_suffix(".damaged")
            orphan.path.rename(kept)
            _log.error("%d damaged records of charges are kept in %s", len(orphan.damaged), kept)
        else:
            orphan.path.unlink()

    def close(self) -> None:
        """Let go of the file; it is deleted where everything in it is posted."""
        with self._writing:
            if self._file < 0:
                return
            if self._pending == 0 and self._path is not None:
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        if self._file >= 0:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        new = self._folder / f"{name}.new"
        self._file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # Named only when it is held: nobody can take it for an orphan.
        self._path = new.rename(self._folder / f"{name}{_SUFFIX}")
        _sync_folder(self._folder)
        self._size = 0

    def _write(self, record: bytes) -> None:
        written = 0
        try:
            while written < len(record):
                written += os.write(self._file, record[written:])
        except OSError:
            # Half a record would spoil the next one too.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(record)

    def _orphans(self, held: list[int]) -> Iterator[Orphan]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._path:
                continue
            try:
                file = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            held.append(file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if path.exists():
                yield _read(path)


def _read(path: Path) -> Orphan:
    """What stands after the last line break was never acknowledged, so it is no damage."""
    postings, damaged = [], []
    *records, _unfinished = path.read_bytes().split(b"\n")
    for record in records:
        posting = _parse(record)
        if posting is None:
            damaged.append(record)
        else:
            postings.append(posting)
    return Orphan(path, tuple(postings), tuple(damaged))


def _parse(record: bytes) -> Posting | None:
    body = record[9:]
    if record[:9] != b"%08x " % crc32(body):
        return None
    try:
        return Posting.from_json(body)
    except (ValueError, KeyError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    """A file's name is durable only when its folder is."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
