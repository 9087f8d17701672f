"""Walking a folder: symbolic links stay inside, loops end, special files are never opened."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from groundwork.core.documents import Skipped
from groundwork.ingestion.sources.names import unicode_name
from groundwork.ingestion.sources.selection import Selection


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list.

    `path` is where it really is, `prefix` its path relative to the root ("" or ending with a slash),
    `ancestors` the real folders from the root down to it.
    """

    path: str
    prefix: str
    ancestors: frozenset[str]


class Walk:
    """Collects, without opening a file, the documents below `root` (a real path).

    After `run`, `found` maps each page to the file's path, or to the Skipped that stands in its place.
    """

    def __init__(self, root: str, selection: Selection) -> None:
        self.found: dict[str, str | Skipped] = {}
        self._root = root
        self._selection = selection
        self._followed: set[str] = set()
        self._pending: list[_Folder] = []

    def run(self) -> None:
        """Walk everything. Raises OSError where the root itself cannot be listed."""
        self._list(_Folder(self._root, "", frozenset({self._root})))
        while self._pending:
            folder = self._pending.pop()
            try:
                self._list(folder)
            except OSError as error:
                detail = f"The folder cannot be listed: {error.strerror or error}."
                self._skip(folder.prefix.rstrip("/"), "unreadable", detail)

    def _list(self, folder: _Folder) -> None:
        """Sort the entries of one folder into files and further folders."""
        with os.scandir(folder.path) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            name = folder.prefix + entry.name
            if entry.is_symlink():
                self._link(entry, name, folder)
            elif entry.is_dir(follow_symlinks=False):
                self._enter(entry.path, name, folder.ancestors | {entry.path})
            else:
                self._file(entry.path, name, regular=entry.is_file(follow_symlinks=False))

    def _enter(self, path: str, name: str, ancestors: frozenset[str]) -> None:
        """Remember a folder for later, unless it is excluded."""
        if not self._selection.excludes(name + "/"):
            self._pending.append(_Folder(path, name + "/", ancestors))

    def _file(self, path: str, name: str, *, regular: bool) -> None:
        """Take a file, if it is one of the documents."""
        if not self._selection.takes(name):
            return
        page = unicode_name(name)
        if regular:
            self.found[page] = path
        else:
            self._skip(name, "special-file", "It is a pipe, socket or device.")

    def _link(self, entry: os.DirEntry[str], name: str, folder: _Folder) -> None:
        """Follow a link that stays inside the root; whatever is excluded stays so by any name."""
        if self._selection.excludes(name) or self._selection.excludes(name + "/"):
            return
        try:
            target = os.path.realpath(entry.path, strict=True)
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._skip(name, "symlink-loop", "The link leads back to itself.")
            else:
                self._skip(name, "unreadable", "The link's target does not exist or is closed.")
            return
        if target != self._root and not target.startswith(self._root.rstrip(os.sep) + os.sep):
            self._skip(name, "symlink-outside", "The link leads out of the source's folder.")
            return
        inside = os.path.relpath(target, self._root).replace(os.sep, "/")
        if os.path.isdir(target):  # noqa: PTH112 - names that are no UTF-8 stay strings
            self._follow(name, target, inside, folder)
        elif not self._selection.excludes(inside):
            regular = os.path.isfile(target)  # noqa: PTH113 - as above
            self._file(target, name, regular=regular)

    def _follow(self, name: str, target: str, inside: str, folder: _Folder) -> None:
        """Enter a folder by a link: no loops, and each at most once, or crossing links would multiply."""
        if target in folder.ancestors:
            self._skip(name, "symlink-loop", "The link leads to a folder that it lies in.")
        elif target in self._followed:
            self._skip(name, "symlink-repeated", "Another link to the same folder was followed.")
        elif not self._selection.excludes(inside + "/"):
            self._followed.add(target)
            self._enter(target, name, folder.ancestors | {target})

    def _skip(self, name: str, reason: str, detail: str) -> None:
        page = unicode_name(name)
        self.found[page] = Skipped(page, reason, detail)
