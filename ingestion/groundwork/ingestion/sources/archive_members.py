"""What zip and tar archives have in common: members, and the signs of a bomb."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from groundwork.core.errors import SourceError

# Documentation compresses 3 to 10 times; deflate cannot exceed 1032. Small files of one repeated
# character may well reach 200, hence the floor.
MAX_RATIO = 200
RATIO_FLOOR = 2**20
MAX_TOTAL = 4 * 2**30
BLOCK = 2**16


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive. Sizes are in bytes; `packed` is None where members are not packed singly."""

    name: str
    kind: Literal["file", "link", "special"]
    size: int
    packed: int | None
    index: int
    encrypted: bool = False


class Archive(Protocol):
    """An open archive."""

    def members(self) -> list[Member]:
        """All entries but folders, in the archive's order. Raises SourceError where it is broken."""
        ...

    def verify(self, members: Iterable[Member]) -> None:
        """Raise SourceError unless each of these can be unpacked and is what the archive declares."""
        ...

    def read(self, member: Member, limit: int) -> bytes:
        """The content, of which at most `limit` + 1 bytes are unpacked."""
        ...


def exceeds_ratio(unpacked: int, packed: int) -> bool:
    """Whether so much comes out of so little that it was made to."""
    return unpacked > RATIO_FLOOR and unpacked > MAX_RATIO * max(packed, 1)


def refusal(member: Member, max_bytes: int) -> tuple[str, str] | None:
    """Reason and detail why a member is not read; None where it may be."""
    if member.encrypted:
        return "encrypted", "The member is encrypted; unpack it and give the folder."
    if member.packed is not None and exceeds_ratio(member.size, member.packed):
        return "archive-bomb", f"{member.packed:,} bytes would unpack to {member.size:,}."
    if member.size > max_bytes:
        return "too-large", f"The file has {member.size:,} bytes; the limit is {max_bytes:,}."
    return None


def broken(label: str, error: BaseException | str) -> SourceError:
    """The error for an archive that cannot be read."""
    return SourceError(f"The archive {label} is broken: {error}.", field="source")


def bomb(label: str, detail: str) -> SourceError:
    """The error for an archive that unpacks to too much."""
    return SourceError(f"The archive {label} is refused as a bomb: {detail}.", field="source")
