"""Names that may become folders and collections, and what to say of those that lead nowhere."""

from __future__ import annotations

import re

from groundwork.core.errors import IndexMissing, InvalidInput, NotFound

_INDEX = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VERSION = re.compile(r"[0-9a-f]{16}")
_BLOB = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def checked_index(name: str) -> str:
    """The name. Raises InvalidInput."""
    if not _INDEX.fullmatch(name) or "__" in name:
        raise InvalidInput(
            f"{name!r} is no index name: lower-case letters, digits, single '_' and '-', at most 63",
            field="index",
        )
    return name


def is_version(name: str) -> bool:
    """Whether this can be a version's id at all."""
    return _VERSION.fullmatch(name) is not None


def checked_version(name: str) -> str:
    """The id. Raises InvalidInput."""
    if not is_version(name):
        raise InvalidInput(f"{name!r} is no version id: 16 lower-case hex digits", field="version")
    return name


def checked_blob(name: str) -> str:
    """The blob's name. Raises InvalidInput."""
    if not _BLOB.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no blob name: lower-case letters, digits, '.', '_' and '-', at most 63",
            field="name",
        )
    return name


def missing(index: str) -> IndexMissing:
    """Nothing answers under that name."""
    return IndexMissing(
        f"no index named {index}; make it with: groundwork ingest SOURCE --index {index}",
        field="index",
    )


def no_version(index: str, version: str) -> NotFound:
    """The index does not hold that version, or not any more."""
    return NotFound(f"index {index} has no version {version}", field="version")
