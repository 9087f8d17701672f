"""Documents of a zip or tar archive, read in place: nothing is extracted."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.archive_members import Archive, Member, refusal
from groundwork.ingestion.sources.base import SourceOptions, as_document, too_large
from groundwork.ingestion.sources.names import refused_name, relative_name, unicode_name
from groundwork.ingestion.sources.selection import Selection

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")

# Written by macOS beside the real content; they say nothing about the archive's top folder.
_LITTER = ("__MACOSX/", ".DS_Store", "._")


def is_archive(name: str) -> bool:
    """Whether the name has the suffix of an archive that can be read."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


class ArchiveSource:
    """The documents of an archive. Pages are the members' paths, without a single common top folder.

    The whole archive is checked before the first document comes out: a broken one, or one that unpacks
    to far more than it holds, raises SourceError with nothing half-read.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path.resolve()
        self._options = options
        self.label = unicode_name(self._path.as_posix())
        self.ignored: Counter[str] = Counter()

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The documents, sorted by page."""
        selection = Selection(self._options)
        self.ignored = selection.ignored
        with self._open() as archive:
            chosen = self._choose(archive.members(), selection)
            readable = [found for found in chosen.values() if isinstance(found, Member)]
            archive.verify(readable)
            for page, found in sorted(chosen.items()):
                if isinstance(found, Skipped):
                    yield found
                else:
                    yield self._document(page, archive.read(found, self._options.max_bytes))

    def _open(self) -> AbstractContextManager[Archive]:
        """The archive by its kind. Raises SourceError where it is no regular file."""
        from groundwork.ingestion.sources.tar_archive import open_tar
        from groundwork.ingestion.sources.zip_archive import open_zip

        try:
            regular = stat.S_ISREG(self._path.stat().st_mode)
        except OSError as error:
            raise SourceError(
                f"{self.label} cannot be read: {error.strerror}.", field="source"
            ) from error
        if not regular:
            raise SourceError(f"{self.label} is no regular file.", field="source")
        if self._path.name.lower().endswith(".zip"):
            return open_zip(self._path, self.label)
        return open_tar(self._path, self.label, self._options.work_dir)

    def _choose(self, members: list[Member], selection: Selection) -> dict[str, Member | Skipped]:
        """The members that are documents, by page; of several with one name the last, as unpacking does."""
        named = [(member, relative_name(member.name)) for member in members]
        top = _common_top([name for member, name in named if name and member.kind == "file"])
        chosen: dict[str, Member | Skipped] = {}
        for member, name in named:
            # Again, because what follows the top folder could look like a drive ("top/C:/x").
            page = None if name is None else relative_name(name.removeprefix(top))
            if page is None:
                page = refused_name(member.name)
                detail = f"The name {member.name!r} leads out of the archive."
                chosen[page] = Skipped(page, "path-traversal", detail)
                continue
            if member.kind != "file":
                if selection.admits(page):
                    chosen[page] = Skipped(page, *_KINDS[member.kind])
            elif selection.takes(page):
                refused = refusal(member, self._options.max_bytes)
                chosen[page] = Skipped(page, *refused) if refused else member
        return chosen

    def _document(self, page: str, content: bytes) -> RawDocument | Skipped:
        limit = self._options.max_bytes
        if len(content) > limit:  # more than the archive's directory declared
            return too_large(page, len(content), limit)
        return as_document(page, content)


_KINDS = {
    "link": ("link", "Links in archives are not followed."),
    "special": ("special-file", "It is a pipe, socket or device."),
}


def _common_top(names: list[str]) -> str:
    """The one folder that everything lies in, with its slash; "" where there is none."""
    real = [name for name in names if not name.startswith(_LITTER)]
    tops = {name.partition("/")[0] + "/" if "/" in name else "" for name in real}
    return tops.pop() if len(tops) == 1 else ""
