"""Releases that do nothing but say who they are, and loaders that count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.core.errors import Unavailable
from groundwork.core.registry.base import OCR, Candidate, Line, Registered
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import NoCarrier, Reason, promote

LINE = Line(OCR, "cards")
WHY = Reason("ada", "because")


@dataclass(eq=False)
class Toy:
    """What is loaded of a release; whoever asks it after it was closed is told."""

    name: str
    closed: bool = False

    def ask(self) -> str:
        if self.closed:
            raise AssertionError(f"{self.name} was asked after it was closed")
        return self.name


@dataclass
class ToyLoader:
    """Loads and counts. What is in `broken` raises; loading waits for `gate`."""

    broken: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def load(self, release: Registered, folder: Path) -> Toy:
        self.loads.append(release.id)
        self.threads.add(threading.current_thread().name)
        name = str(release.content["name"])
        assert (folder / "weights.bin").read_bytes() == name.encode()
        if name in self.broken:
            raise OSError(f"{name} has no weights")
        return Toy(name)

    def close(self, value: Toy) -> None:
        self.threads.add(threading.current_thread().name)
        value.closed = True
        self.closed.append(value.name)


class Flaky(MemoryRegistry):
    """A registry that can be switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = False
        self.asked_by: set[str] = set()

    def aliases(self, line: Line) -> dict[str, str]:
        self.asked_by.add(threading.current_thread().name)
        if self.dead:
            raise Unavailable("nobody there")
        return super().aliases(line)


def registered(registry: MemoryRegistry, name: str, line: Line = LINE) -> Registered:
    files: dict[str, bytes | Path] = {"weights.bin": name.encode()}
    return registry.register(Candidate(line, {"name": name, "line": str(line)}, files))


def promoted(registry: MemoryRegistry, name: str, line: Line = LINE) -> Registered:
    return promote(registry, registered(registry, name, line), WHY, NoCarrier())


@contextmanager
def running(followers: Followers) -> Iterator[Followers]:
    followers.start()
    try:
        yield followers
    finally:
        followers.close()
