"""Clean prose of documentation, for what is trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from groundwork.core.documents import RawDocument
from groundwork.core.progress import Progress
from groundwork.core.scan import prose
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.sources import SourceOptions, open_source

_SHORTEST_PAGE = 200


def read_prose(folders: Sequence[Path], progress: Progress) -> list[tuple[str, str]]:
    """(name, prose) of every page that parses and says more than a line or two. Raises SourceError."""
    found = []
    progress.stage("read pages", unit="pages")
    for folder in folders:
        for raw in open_source(str(folder), SourceOptions()).read():
            if not isinstance(raw, RawDocument):
                continue
            try:
                text = prose(parse(raw, ParseOptions()))
            except ParseError:
                continue
            if len(text) > _SHORTEST_PAGE:
                found.append((f"{folder.name}/{raw.page}", text))
            progress.advance()
    return found
