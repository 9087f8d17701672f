"""The protocol of the registry: what was made, what it was made from, how it measured, and which one answers.

A line of releases has a kind and a name: `assistant/docs` (one an index), `ocr/cards`, `recommender/films`,
`injection/default`. Under it stand immutable releases and three aliases: `champion` answers, `challenger` is being tried,
`previous` was champion before. Aliases move by `promotion` and `trial` alone, so that no move goes without its reason in the
history.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from groundwork.core.errors import InvalidInput

ASSISTANT, OCR, RECOMMENDER, INJECTION = KINDS = ("assistant", "ocr", "recommender", "injection")
CHAMPION, CHALLENGER, PREVIOUS = ALIASES = ("champion", "challenger", "previous")
# The file of a release that holds its `Measured`, where it has one; see `measured.py`.
MEASURED = "measured.json"
CARD = "card.md"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Line:
    """All releases of one thing. Raises InvalidInput for a kind that does not exist or a name that cannot be one."""

    kind: str
    name: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput(
                f"there is no kind of release {self.kind!r}; there is {', '.join(KINDS)}",
                field="kind",
            )
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                f"{self.name!r} names no line of releases; use a-z, 0-9, '.', '_' and '-'",
                field="name",
            )

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Line:
        """From `kind/name`. Raises InvalidInput."""
        kind, _, name = text.partition("/")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a release comes from.

    `data` maps the name of a dataset or index to its content digest, `code` is the revision of the code, `parents` are
    ids of releases it was made from, `run` the tracking run that made it, "" where there was none.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    parents: tuple[str, ...] = ()
    run: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that is to be registered.

    `content` is JSON and everything that decides what the release does; weights and other files stand in it by their
    digest. `files` are what it needs to be loaded, by name; `card` is Markdown for people.
    """

    line: Line
    content: Mapping[str, Any]
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    metrics: Mapping[str, float] = field(default_factory=dict)
    card: str = ""

    @property
    def id(self) -> str:
        """See `release_id`."""
        return release_id(self.content)


@dataclass(frozen=True, slots=True)
class Registered:
    """A release in the registry. `digests` are SHA-256 of its files, by name; `created_at` is UTC ISO 8601.

    `number` counts the releases of its line from 1; `aliases` are those that point at it now.
    """

    id: str
    line: Line
    number: int
    created_at: str
    content: Mapping[str, Any]
    digests: Mapping[str, str]
    lineage: Lineage
    metrics: Mapping[str, float]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a line's history, which is only ever added to.

    `action` is registered, promoted, rolled-back, refused, canary-started, canary-ended. `release` is what it was about,
    `former` the champion before it. `detail` holds the verdict of the gate, or what the canary saw.
    """

    at: str
    action: str
    release: str
    former: str | None
    actor: str
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Registry(Protocol):
    """Safe to use from several threads and processes. Every method raises Unavailable where the store does not answer."""

    def register(self, candidate: Candidate) -> Registered:
        """Keep it with its files. The same id again returns what is there, and adds metrics that are new."""
        ...

    def find(self, reference: str, line: Line | None = None) -> Registered:
        """By id in any line, or by alias, by number or as `latest` in `line`. Raises NotFound that lists what there is."""
        ...

    def lines(self) -> list[Line]:
        """Every line that has a release."""
        ...

    def releases(self, line: Line) -> list[Registered]:
        """Newest first."""
        ...

    def aliases(self, line: Line) -> dict[str, str]:
        """Release ids by alias; cheap enough to be asked every second or two."""
        ...

    def point(self, line: Line, alias: str, release: str | None) -> None:
        """Move an alias, or take it away. Only `promotion` and `trial` call this."""
        ...

    def tags(self, line: Line) -> dict[str, str]:
        """What is noted of a line besides its aliases, such as the trial that runs; as cheap as `aliases`."""
        ...

    def tag(self, line: Line, key: str, value: str | None) -> None:
        """Note something, or take the note away."""
        ...

    def exclusive(self, line: Line) -> AbstractContextManager[None]:
        """Held while aliases of the line move. Raises Conflict where somebody else holds it for long."""
        ...

    def files(self, release: Registered, into: Path) -> Path:
        """Bring its files into a folder and check their digests. Raises Conflict where one does not match.

        Files that are there already and match are kept. Returns the folder.
        """
        ...

    def add_metrics(self, release: Registered, metrics: Mapping[str, float]) -> None:
        """Add figures that were measured later."""
        ...

    def add_file(self, release: Registered, name: str, content: bytes) -> None:
        """Add a file that was written later, such as a report; a file that decides the release cannot be replaced."""
        ...

    def record(self, line: Line, event: Event) -> None:
        """Add to the line's history."""
        ...

    def history(self, line: Line) -> list[Event]:
        """Newest first."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def release_id(content: Mapping[str, Any]) -> str:
    """`rel-` and 12 hex digits of the content's digest: equal content is the same release."""
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return "rel-" + digest[:12]
