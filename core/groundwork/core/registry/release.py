"""A release is everything that decides an answer, under one id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from groundwork.core.errors import InvalidInput
from groundwork.core.registry.base import release_id


@dataclass(frozen=True)
class Release:
    """The bundle. Its id is the digest of its content: equal bundles are the same release."""

    index: str
    index_version: str
    embedder: str
    generator: str
    prices: str
    retrieval: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    policy: str | None = None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Release:
        """The bundle that a registered release's content is. Raises InvalidInput."""
        try:
            return cls(**content)
        except TypeError as error:
            raise InvalidInput(
                f"this is no release of an assistant: {error}", field="release"
            ) from None

    @property
    def content(self) -> dict[str, Any]:
        """As the registry keeps it."""
        return asdict(self)

    @property
    def id(self) -> str:
        """`rel-` and 12 hex digits."""
        return release_id(self.content)
