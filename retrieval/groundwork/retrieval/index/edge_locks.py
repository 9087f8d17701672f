"""Who may write, and which folders still have an owner.

Locks are `flock`s: the kernel frees those of a process that died, and they hold between containers that share
a volume, where process ids mean nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from groundwork.core.errors import Conflict
from groundwork.retrieval.index import edge_files as files

_LOCK = ".lock"
_OWNER = ".owner"


@contextlib.contextmanager
def writing(index: Path) -> Iterator[None]:
    """Be the index's one writer. Raises Conflict where somebody else is."""
    index.mkdir(parents=True, exist_ok=True)
    descriptor = _open(index / _LOCK)
    try:
        if not _try_lock(descriptor):
            holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
            raise Conflict(
                f"process {holder} is writing to index {index.name}; try again when it is done",
                field="index",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def briefly(lock: Path) -> Iterator[None]:
    """Exclude others for a few milliseconds; wait for them."""
    descriptor = _open(lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def folder_name(prefix: str = "") -> str:
    """A name nobody else takes, which tells a person what process made the folder."""
    return f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"


def new_folder(parent: Path, prefix: str = "") -> Path:
    """A fresh folder."""
    folder = parent / folder_name(prefix)
    folder.mkdir()
    return folder


class OwnedFolder:
    """A fresh folder that lives as long as this object or its process. Opening one removes those left behind."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(exist_ok=True)
        with briefly(parent / _LOCK):
            _remove_orphans(parent)
            self.path = new_folder(parent)
            self._owner: int | None = _open(self.path / _OWNER)
            fcntl.flock(self._owner, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Delete it; twice is allowed."""
        owner, self._owner = self._owner, None
        if owner is not None:
            files.clear(self.path)
            os.close(owner)


def _remove_orphans(parent: Path) -> None:
    for folder in parent.glob("*-*"):
        try:
            owner = os.open(folder / _OWNER, os.O_RDWR)
        except FileNotFoundError:
            files.clear(folder)
            continue
        try:
            if _try_lock(owner):
                files.clear(folder)
        finally:
            os.close(owner)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
