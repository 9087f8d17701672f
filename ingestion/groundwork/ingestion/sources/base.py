"""What every source of documents shares: the protocol, the options, and how bytes become a document."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput

MEBIBYTE = 2**20

DOCUMENT_SUFFIXES = frozenset(
    {
        ".md", ".mdx", ".markdown", ".rst", ".txt", ".html", ".htm", ".xhtml", ".ipynb", ".pdf", ".docx",
    }
)  # fmt: skip

# Version control, caches and editor litter; then what Sphinx writes beside its pages: assets, copies of
# the sources (each page would be there twice), listings of program text, and the generated indices.
DEFAULT_EXCLUDES = (
    ".*",
    "node_modules/",
    "__pycache__/",
    "__MACOSX/",
    "_static/",
    "_sources/",
    "_images/",
    "_downloads/",
    "_modules/",
    "genindex.html",
    "genindex-*.html",
    "py-modindex.html",
)

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer starts so and is under 1024 bytes.
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
LFS_POINTER_BYTES = 1024


class Source(Protocol):
    """Where documents come from.

    `label` names the source for people and manifests: the same on every run, without credentials.
    `read` yields what the source holds, sorted by page (a crawled website: level by level), one file in
    memory at a time; files that do not go in come as `Skipped`. It raises SourceError where the source as
    a whole cannot be read. `ignored` counts, by suffix, the files of the last read that are no documents.
    """

    label: str
    ignored: Counter[str]

    def read(self) -> Iterator[RawDocument | Skipped]:
        """Read everything once; each call starts anew."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read a source. Sizes are in bytes, rates in requests per second.

    `include`, `exclude` and `default_excludes` are globs as in .gitignore: one without a slash matches a
    file or folder of that name anywhere, one with a slash starts at the root, `**` crosses folders, a
    trailing slash means folders only. Exclusion wins. `ref` and `subfolder` are for git. `work_dir` holds
    the temporary clone of a remote repository and large archives while they are read (None: the system's
    temporary folder). `environment` is what git inherits beyond PATH and HOME (SSH_AUTH_SOCK,
    HTTPS_PROXY, SSL_CERT_FILE, …). The rest is for websites; without `http_cache_dir` nothing is kept
    between runs.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    default_excludes: tuple[str, ...] = DEFAULT_EXCLUDES
    max_bytes: int = 20 * MEBIBYTE
    max_files: int = 100_000
    ref: str | None = None
    subfolder: str | None = None
    work_dir: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    http_cache_dir: Path | None = None
    rate_per_second: float = 4.0
    max_pages: int = 10_000
    max_depth: int = 20
    allow_private_addresses: bool = False
    user_agent: str = "groundwork/0.1 (documentation indexer)"

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_files", "rate_per_second", "max_pages"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} must be greater than 0.", field=name)
        if self.max_depth < 0:
            raise InvalidInput("max_depth must be 0 or greater.", field="max_depth")
        if not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]*", self.user_agent):
            raise InvalidInput("user_agent must be printable ASCII.", field="user_agent")


def digest_of(content: bytes) -> str:
    """The SHA-256 of the content in hex."""
    return hashlib.sha256(content).hexdigest()


def as_document(
    page: str,
    content: bytes,
    *,
    revision: str | None = None,
    url: str | None = None,
    media_type: str | None = None,
) -> RawDocument | Skipped:
    """The document of these bytes, or why they are none. Without a revision it is the content's hash."""
    if not content:
        return Skipped(page, "empty-file", "The file has no content.")
    if len(content) < LFS_POINTER_BYTES and content.startswith(LFS_POINTER):
        return Skipped(page, "lfs-pointer", "The file is a Git LFS pointer; fetch it with git lfs.")
    digest = digest_of(content)
    return RawDocument(page, content, digest, revision or f"sha256:{digest}", url, media_type)


def too_large(page: str, size: int, limit: int) -> Skipped:
    """The entry for a file over the limit."""
    return Skipped(page, "too-large", f"The file has {size:,} bytes; the limit is {limit:,}.")
