"""Documents of a folder, or one file."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.base import SourceOptions, as_document, too_large
from groundwork.ingestion.sources.names import unicode_name
from groundwork.ingestion.sources.selection import Selection
from groundwork.ingestion.sources.walk import Walk

# A pipe swapped in after the check must not block the open; Windows has neither flag nor such pipes.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: str | Path, page: str, max_bytes: int) -> RawDocument | Skipped:
    """One regular file as a document, or why it is none."""
    try:
        return _read_regular(path, page, max_bytes)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Skipped(page, "symlink-loop", "The link leads back to itself.")
        return Skipped(page, "unreadable", f"{error.strerror or error}.")


def _read_regular(path: str | Path, page: str, max_bytes: int) -> RawDocument | Skipped:
    """Look at the file's kind and size before a byte is read, and again once it is open."""
    special = Skipped(page, "special-file", "It is a pipe, socket or device.")
    status = os.stat(path)  # noqa: PTH116 - names that are no UTF-8 stay strings here
    if not stat.S_ISREG(status.st_mode):
        return special
    if status.st_size > max_bytes:
        return too_large(page, status.st_size, max_bytes)
    with os.fdopen(os.open(path, _READ), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return special
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:  # it grew since it was looked at
        return too_large(page, len(content), max_bytes)
    return as_document(page, content)


class FolderSource:
    """The documents below a folder. Pages are paths relative to it."""

    def __init__(self, root: Path, options: SourceOptions) -> None:
        self._root = root.resolve()
        self._options = options
        self.label = unicode_name(self._root.as_posix())
        self.ignored: Counter[str] = Counter()

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The documents, sorted by page. Raises SourceError where the folder cannot be listed."""
        selection = Selection(self._options)
        self.ignored = selection.ignored
        walk = Walk(os.fspath(self._root), selection)
        try:
            walk.run()
        except OSError as error:
            raise SourceError(
                f"The folder {self.label} cannot be read: {error.strerror or error}.",
                field="source",
            ) from error
        for page, found in sorted(walk.found.items()):
            if isinstance(found, Skipped):
                yield found
            else:
                yield read_file(found, page, self._options.max_bytes)


class FileSource:
    """One file that was named explicitly: it is read whatever its suffix. Its page is its name."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path.absolute()
        self._options = options
        self.label = unicode_name(self._path.as_posix())
        self.ignored: Counter[str] = Counter()

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The one document, or why it is none."""
        yield read_file(self._path, unicode_name(self._path.name), self._options.max_bytes)
