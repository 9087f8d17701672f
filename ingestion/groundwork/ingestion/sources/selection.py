"""Which files of a source are taken: globs over POSIX paths, and the suffixes of documentation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from groundwork.core.errors import InvalidInput, SourceError
from groundwork.ingestion.sources.base import DOCUMENT_SUFFIXES, SourceOptions

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", re.DOTALL)
_SIMPLE = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _fragment(token: str) -> str:
    """The regular expression of one token of a glob."""
    if token in _SIMPLE:
        return _SIMPLE[token]
    if len(token) == 1:
        return re.escape(token)
    body = token[1:-1]
    negated = body[:1] in {"!", "^"}
    # Only these are special within brackets; ranges keep their hyphen.
    escaped = re.sub(r"([\\\[\]&~|^])", r"\\\1", body[1:] if negated else body)
    return f"[^/{escaped}]" if negated else f"[{escaped}]"


def _expression(glob: str) -> str:
    """The regular expression that matches the paths at or below what the glob names."""
    folder_only = glob.endswith("/")
    path = glob.rstrip("/")
    if not path:
        raise InvalidInput(f"{glob!r} is no glob: it names nothing.", field="exclude")
    anywhere = "" if "/" in path else "(?:.*/)?"
    body = "".join(_fragment(token) for token in _TOKEN.findall(path.removeprefix("/")))
    below = "/.*" if folder_only else "(?:/.*)?"
    return f"{anywhere}{body}{below}"


def compile_globs(globs: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all the globs, to be used with `fullmatch`; None where there are none."""
    expressions = [f"(?:{_expression(glob)})" for glob in globs]
    try:
        return re.compile("|".join(expressions), re.DOTALL) if expressions else None
    except re.error as error:
        raise InvalidInput(f"A glob cannot be read: {error}.", field="exclude") from error


class Selection:
    """Decides what one reading takes, and counts what it passes over because of its suffix."""

    def __init__(self, options: SourceOptions) -> None:
        self.ignored: Counter[str] = Counter()
        self._include = compile_globs(options.include)
        self._exclude = compile_globs((*options.default_excludes, *options.exclude))
        self._max_files = options.max_files
        self._taken = 0

    def excludes(self, path: str) -> bool:
        """Whether the path is excluded; a folder's path ends with a slash."""
        return self._exclude is not None and self._exclude.fullmatch(path) is not None

    def admits(self, path: str) -> bool:
        """Whether the globs let the path in, whatever its suffix."""
        if self.excludes(path):
            return False
        return self._include is None or self._include.fullmatch(path) is not None

    def takes(self, path: str) -> bool:
        """Whether the file is a document that goes in; one of another suffix is counted.

        Raises SourceError once more than `max_files` were taken: cutting the rest off silently would
        look as if those pages had been removed.
        """
        if not self.admits(path):
            return False
        suffix = PurePosixPath(path).suffix.lower()
        if suffix not in DOCUMENT_SUFFIXES:
            self.ignored[suffix or "(none)"] += 1
            return False
        self._taken += 1
        if self._taken > self._max_files:
            raise SourceError(
                f"The source has more than {self._max_files:,} documents. Narrow it with include or "
                "exclude globs, or raise max_files.",
                field="max_files",
            )
        return True
