"""Names that may become folders and collections."""

from __future__ import annotations

import re

from groundwork.core.errors import InvalidInput

_INDEX = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VERSION = re.compile(r"[0-9a-f]{16}")


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
