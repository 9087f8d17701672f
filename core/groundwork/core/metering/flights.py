"""What is under way, in a file mapped into memory: what a killed process had used is charged by whoever finds it.

One file a process under `GROUNDWORK_HOME/journal`, held by a lock that dies with its process. A slot holds one request
and what it has used so far, twice, written in turns: a process that dies while it writes one leaves the other. Writing
is a copy into memory, a few microseconds a token; the pages outlive the process, though not a power cut.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import secrets
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import orjson

from groundwork.core.answers import Usage
from groundwork.core.metering.postings import Request
from groundwork.core.metering.tally import Tally

_log = logging.getLogger("groundwork.ledger")

_SUFFIX = ".flights"
SLOTS = 1024
_SLOT = 4096
_HALF = _SLOT // 2
# Which of the two halves is newer, the length of the content, its CRC-32.
_HEAD = struct.Struct("<QII")


@dataclass(frozen=True, slots=True)
class Flight:
    """A request that a dead process had under way, and what it had used."""

    request: Request
    tally: Tally


class Flights:
    """This process's file. Made at the first request; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file = -1
        self._path: Path | None = None
        self._map: mmap.mmap | None = None
        self._free = list(range(SLOTS))
        self._slots: dict[str, int] = {}

    def begin(self, request: Request, tally: Tally) -> None:
        """Keep what this request uses from now on. Where all slots are taken, it is not kept."""
        with self._lock:
            if not self._free:
                _log.warning("%d requests are under way; %s is not kept", SLOTS, request.id)
                return
            mapped = self._open()
            slot = self._slots[request.id] = self._free.pop()
        head = orjson.dumps(asdict(request))
        turn = 0

        def write(changed: Tally) -> None:
            nonlocal turn
            used = [(one.stage, one.model, one.meter, one.quantity) for one in changed.lines()]
            content = b'{"request":%b,"used":%b}' % (head, orjson.dumps(used))
            if len(content) > _HALF - _HEAD.size or self._slots.get(request.id) != slot:
                return
            turn += 1
            place = slot * _SLOT + (turn % 2) * _HALF
            whole = _HEAD.pack(turn, len(content), crc32(content)) + content
            mapped[place : place + len(whole)] = whole

        tally.watch(write)

    def end(self, request_id: str) -> None:
        """It is in the journal, or never began: nothing has to be kept any more."""
        with self._lock:
            slot = self._slots.pop(request_id, None)
            if slot is None or self._map is None:
                return
            for half in (0, _HALF):
                place = slot * _SLOT + half
                self._map[place : place + _HEAD.size] = bytes(_HEAD.size)
            self._free.append(slot)

    @contextmanager
    def orphans(self) -> Iterator[list[Flight]]:
        """What processes that are gone had under way. Their files are deleted at the end, unless it fails."""
        held: list[tuple[Path, int]] = []
        try:
            flights: list[Flight] = []
            for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
                file = self._take(path)
                if file is not None:
                    held.append((path, file))
                    flights += _read(path)
            yield flights
            for path, _ in held:
                path.unlink(missing_ok=True)
        finally:
            for _, file in held:
                os.close(file)

    def close(self) -> None:
        """Let go of the file. It is deleted where nothing is under way."""
        with self._lock:
            if self._map is None or self._path is None:
                return
            self._map.close()
            self._map = None
            if not self._slots:
                self._path.unlink(missing_ok=True)
            os.close(self._file)

    def _open(self) -> mmap.mmap:
        if self._map is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            new = self._folder / f"{name}.new"
            self._file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.ftruncate(self._file, SLOTS * _SLOT)
            self._map = mmap.mmap(self._file, SLOTS * _SLOT)
            # Named only when it is held: nobody can take it for an orphan.
            self._path = new.rename(self._folder / f"{name}{_SUFFIX}")
        return self._map

    def _take(self, path: Path) -> int | None:
        """The file, locked; None for our own and for those of living processes."""
        if path == self._path:
            return None
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file


def _read(path: Path) -> Iterator[Flight]:
    content = path.read_bytes()
    for start in range(0, len(content) - _SLOT + 1, _SLOT):
        halves = [_half(content, start), _half(content, start + _HALF)]
        newest = max((half for half in halves if half is not None), default=None)
        if newest is not None:
            yield _flight(newest[1])


def _half(content: bytes, place: int) -> tuple[int, bytes] | None:
    turn, length, crc = _HEAD.unpack_from(content, place)
    body = content[place + _HEAD.size : place + _HEAD.size + min(length, _HALF)]
    return (turn, body) if turn and crc32(body) == crc else None


def _flight(body: bytes) -> Flight:
    kept = orjson.loads(body)
    tally = Tally()
    for stage, model, meter, quantity in kept["used"]:
        tally.add(stage, model, meter, quantity)
    return Flight(Request(**kept["request"]), tally)


def with_usage(request: Request, usage: Usage) -> Request:
    """The request with the tokens that it had used."""
    counted = {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }
    return Request(**{**asdict(request), **counted})
