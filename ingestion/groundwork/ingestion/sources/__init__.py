"""Sources of documents: a folder or file, a git repository, an archive, a website."""

from __future__ import annotations

import re
from pathlib import Path

from groundwork.core.errors import InvalidInput, SourceError
from groundwork.ingestion.sources.base import DOCUMENT_SUFFIXES, Source, SourceOptions

__all__ = ["DOCUMENT_SUFFIXES", "Source", "SourceOptions", "open_source"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def open_source(spec: str, options: SourceOptions | None = None) -> Source:
    """The source that the spec names; nothing is read yet.

        docs/  guide.md                        a folder, a single file
        docs.zip  docs.tar.gz                  an archive
        git+https://host/repo.git@v2#subfolder=docs  git@host:owner/repo.git  git+/path/to/repo
        https://docs.example.org/guide/  https://docs.example.org/sitemap.xml

    Raises InvalidInput where the spec or an option cannot be meant so, and SourceError where a local
    path does not exist.
    """
    from groundwork.ingestion.sources.git_spec import is_git

    options = options or SourceOptions()
    spec = spec.strip()
    if not spec or "\0" in spec:
        raise InvalidInput(
            "A source is a folder, a file, an archive, a URL or git+URL.", field="source"
        )
    if is_git(spec):
        from groundwork.ingestion.sources.git import GitSource
        from groundwork.ingestion.sources.git_spec import parse_git_spec

        return GitSource(parse_git_spec(spec, options), options)
    for name in ("ref", "subfolder"):
        if getattr(options, name) is not None:
            raise InvalidInput(f"{name} is for git repositories; this source is none.", field=name)
    scheme = _SCHEME.match(spec)
    return _open_url(spec, scheme[1].lower(), options) if scheme else _open_path(spec, options)


def _open_url(spec: str, scheme: str, options: SourceOptions) -> Source:
    from groundwork.ingestion.sources.archive import is_archive
    from groundwork.ingestion.sources.website import WebsiteSource

    if scheme not in {"http", "https"}:
        raise InvalidInput(
            f"{scheme}:// is not read. Give a path, http(s)://… or git+https://….", field="source"
        )
    if is_archive(spec.partition("?")[0].partition("#")[0]):
        raise InvalidInput("Download the archive and give the file's path.", field="source")
    return WebsiteSource(spec, options)


def _open_path(spec: str, options: SourceOptions) -> Source:
    from groundwork.ingestion.sources.archive import ArchiveSource, is_archive
    from groundwork.ingestion.sources.folder import FileSource, FolderSource

    path = Path(spec).expanduser()
    try:
        if path.is_dir():
            return FolderSource(path, options)
        exists = path.exists()
    except OSError as error:  # a parent folder is closed, or the name is too long for any file
        raise SourceError(
            f"{spec!r} cannot be looked at: {error.strerror}.", field="source"
        ) from error
    if not exists:
        raise SourceError(f"There is no file or folder {spec!r}.", field="source")
    return ArchiveSource(path, options) if is_archive(path.name) else FileSource(path, options)
