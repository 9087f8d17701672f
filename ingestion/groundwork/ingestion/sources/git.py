"""Documents of a git repository at one commit, read from its objects without a checkout."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.base import SourceOptions, as_document, too_large
from groundwork.ingestion.sources.git_command import FETCH_SECONDS, BlobReader, Git
from groundwork.ingestion.sources.git_spec import GitSpec
from groundwork.ingestion.sources.names import refused_name, relative_name
from groundwork.ingestion.sources.selection import Selection

_FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1")
_FETCH_ALL = ("fetch", "--quiet", "--tags", "--no-recurse-submodules")
# Modes of https://git-scm.com/docs/git-fast-import#_filemodify that are no files of their own.
_PASSED_OVER = {"120000": "symlink", "160000": "submodule"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of `git ls-tree -r -l`. `size` is in bytes, None where the object is missing."""

    mode: str
    object_id: str
    size: int | None
    name: str


class GitSource:
    """The documents of a repository at a ref, HEAD without one. `revision` is the commit's hash.

    Pages are relative to the subfolder. A local repository is read in place, committed content only; of
    a remote one the commit alone is fetched into a temporary folder.
    """

    def __init__(self, spec: GitSpec, options: SourceOptions) -> None:
        self._spec = spec
        self._options = options
        self.label = spec.label
        self.ignored: Counter[str] = Counter()

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The documents, sorted by page. Raises SourceError naming the repository or the ref."""
        selection = Selection(self._options)
        self.ignored = selection.ignored
        with self._repository() as (git, start):
            commit = self._resolve(git, f"{start}^{{commit}}")
            taken = self._choose(_entries(git, self._tree(git, commit)), selection)
            with git.blobs() as blobs:
                for page, found in sorted(taken.items()):
                    if isinstance(found, Skipped):
                        yield found
                    else:
                        yield self._document(page, found, commit, blobs)

    @contextmanager
    def _repository(self) -> Iterator[tuple[Git, str]]:
        """The repository to read, and the name of the commit in it."""
        environment = self._options.environment
        if self._spec.local:
            path = Path(self._spec.location)
            if not path.is_dir():
                raise SourceError(f"There is no repository at {path}.", field="source")
            yield Git(path, label=self.label, environment=environment), self._spec.ref or "HEAD"
            return
        with tempfile.TemporaryDirectory(
            prefix="groundwork-", dir=self._options.work_dir
        ) as folder:
            path = Path(folder)
            git = Git(
                path,
                label=self.label,
                environment=environment,
                protocols=("https", "http", "ssh", "git"),
            )
            git.run("init", "--quiet", "--bare", "--template=")
            yield git, self._fetch(git)

    def _fetch(self, git: Git) -> str:
        """Fetch the one commit, or everything from a server that does not hand out commits by hash."""
        ref = self._spec.ref or "HEAD"
        try:
            git.run(*_FETCH, "--", self._spec.location, ref, timeout=FETCH_SECONDS)
        except SourceError:
            if not _FULL_HASH.fullmatch(ref):
                raise
            heads = "+refs/heads/*:refs/heads/*"
            git.run(*_FETCH_ALL, "--", self._spec.location, heads, timeout=FETCH_SECONDS)
            return ref
        return "FETCH_HEAD"

    def _resolve(self, git: Git, expression: str) -> str:
        """The hash of a commit or tree."""
        arguments = ("rev-parse", "--quiet", "--verify", "--end-of-options", expression)
        try:
            return git.run(*arguments).decode("ascii").strip()
        except SourceError as error:
            if "no message" not in error.detail:  # --quiet: only a missing object goes unexplained
                raise
            ref = self._spec.ref or "HEAD"
            raise SourceError(f"{self.label} has no commit {ref!r}.", field="ref") from None

    def _tree(self, git: Git, commit: str) -> str:
        """The hash of the tree that is read."""
        subfolder = self._spec.subfolder
        if not subfolder:
            return commit
        try:
            tree = self._resolve(git, f"{commit}:{subfolder}")
        except SourceError:
            tree = ""
        if not tree or git.run("cat-file", "-t", tree).strip() != b"tree":
            raise SourceError(f"{self.label} has no folder {subfolder!r}.", field="subfolder")
        return tree

    def _choose(
        self, entries: Iterator[_Entry], selection: Selection
    ) -> dict[str, _Entry | Skipped]:
        """The entries that are documents, by page."""
        chosen: dict[str, _Entry | Skipped] = {}
        for entry in entries:
            page = relative_name(entry.name)
            if page is None:
                page = refused_name(entry.name)
                detail = f"The name {entry.name!r} leads out of the repository."
                chosen[page] = Skipped(page, "path-traversal", detail)
            elif entry.mode in _PASSED_OVER:
                selection.ignored[_PASSED_OVER[entry.mode]] += 1
            elif selection.takes(page):
                chosen[page] = entry
        return chosen

    def _document(
        self, page: str, entry: _Entry, commit: str, blobs: BlobReader
    ) -> RawDocument | Skipped:
        """One file's content, which is looked up only where its size is within the limit."""
        if entry.size is not None and entry.size > self._options.max_bytes:
            return too_large(page, entry.size, self._options.max_bytes)
        content = None if entry.size is None else blobs.read(entry.object_id)
        if content is None:
            return Skipped(page, "unreadable", "The repository lacks the file's content.")
        return as_document(page, content, revision=commit)


def _entries(git: Git, tree: str) -> Iterator[_Entry]:
    """All files below a tree."""
    listing = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", tree)
    for line in listing.split(b"\0")[:-1]:
        head, _, name = line.partition(b"\t")
        mode, _, object_id, size = head.decode("ascii").split()
        length = int(size) if size.isdigit() else None
        yield _Entry(mode, object_id, length, name.decode("utf-8", "surrogateescape"))
