"""Scanning pages for orders to the assistant: the protocol, what a scan finds, and what people decide about it.

A scanner is supplied by the composition root. Ingestion keeps a page with a finding out of the index until a person
releases it; decisions are made about a page's content, so a changed page is judged anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson

from groundwork.core.documents import BlockKind, Document
from groundwork.core.errors import ConfigurationError

Verdict = Literal["release", "confirm"]
# What is kept of a hidden text, and of a finding for people to read.
HIDDEN_CHARS = 4000
_EXCERPT_CHARS = 160
# Metadata under which parsers report what a page carries and does not show.
HIDDEN_TEXT = "hidden_text"
INVISIBLE_CHARACTERS = "invisible_characters"

# Code is quoted, not said.
_SAID = frozenset({BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.TABLE})


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """Why a page must not be indexed.

    `reason` is a stable code: planted-instructions, hidden-instructions (in text that the page does not show) or
    disguised-instructions (in tag characters, base64 …). `snippet` is the text at fault, `score` 0 to 1.
    """

    reason: str
    snippet: str
    score: float

    @property
    def excerpt(self) -> str:
        """The beginning of the snippet, on one line."""
        line = " ".join(self.snippet.split())
        return line if len(line) <= _EXCERPT_CHARS else line[: _EXCERPT_CHARS - 1] + "…"

    @property
    def digest(self) -> str:
        """SHA-256 of the snippet, in hex."""
        return hashlib.sha256(self.snippet.encode("utf-8", "replace")).hexdigest()


class Scanner(Protocol):
    """Looks for orders to the assistant in a parsed page. `version` changes when the same page may be judged otherwise."""

    version: str

    def scan(self, document: Document) -> ScanFinding | None:
        """The worst finding, or None for a page that may be indexed."""
        ...


class NoScanner:
    """Finds nothing."""

    version = "none"

    def scan(self, document: Document) -> ScanFinding | None:
        """Every page may be indexed."""
        del document
        return None


def prose(document: Document) -> str:
    """The page's paragraphs, list items and tables for reading, one a line."""
    return "\n".join(
        " ".join(document.plain(block).split()) for block in document.blocks if block.kind in _SAID
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said about one content of a page. `at` is UTC ISO 8601."""

    page: str
    content_hash: str
    verdict: Verdict
    at: str


class Decisions:
    """The decisions on one index's pages, in one JSON file; the newest of a content holds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Decision]:
        """By content hash. Raises ConfigurationError for a file that cannot be read."""
        if not self._path.is_file():
            return {}
        try:
            rows: list[dict[str, Any]] = orjson.loads(self._path.read_bytes())
            return {row["content_hash"]: Decision(**row) for row in rows}
        except (orjson.JSONDecodeError, TypeError, KeyError) as error:
            raise ConfigurationError(
                f"{self._path} holds no quarantine decisions ({error}); restore or remove it"
            ) from error

    def verdicts(self) -> dict[str, Verdict]:
        """Content hash to verdict."""
        return {content: decision.verdict for content, decision in self.all().items()}

    def add(self, decision: Decision) -> None:
        """Keep a decision, durably, in place of an earlier one on the same content."""
        known = {**self.all(), decision.content_hash: decision}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        rows = sorted(known.values(), key=lambda each: (each.page, each.content_hash))
        temporary.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        temporary.replace(self._path)


def decisions_file(home: Path, index: str) -> Path:
    """Where an index's decisions are kept."""
    return home / "quarantine" / f"{index}.json"
