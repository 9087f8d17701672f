"""The protocol of a vector engine, as Groundwork uses one.

An index is a name; under it stand immutable versions and two aliases, `live` and `previous`. Writers build a
version that nobody can see until it is sealed; readers hold one version for as long as they are open, whatever
is promoted meanwhile. Engines: `edge.EdgeStore` (embedded, files) and `server.ServerStore` (a Qdrant server).
Both pass the same tests under tests/contracts/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from groundwork.core.documents import Chunk
from groundwork.retrieval.index.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

LIVE = "live"
PREVIOUS = "previous"
# The blob that every version has.
MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Terms as hashed indices with weights; indices are unique and below 2**32."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk with its vectors.

    `dense` is L2-normalised, float32, of the embedder's dimension; `units` has one int8 row a unit of the
    chunk (see `embed.base.PassageVectors`), or is None where the embedder gives none.
    """

    chunk: Chunk
    dense: Vector
    sparse: SparseVector
    units: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks may be found. Each field narrows; within a field any of its values fits.

    `path`: pages equal to or below one of these paths. `section`: chunks under a heading of that text, any
    level, case ignored. `version`: the pages' product version. `tags`: the pages' tags.
    """

    path: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.path or self.section or self.version or self.tags)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that either ranking found, with both exact scores: cosine, and BM25 (0 without a shared term)."""

    id: str
    dense: float
    sparse: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk as read back, with its unit vectors where it has some."""

    chunk: Chunk
    units: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A sealed version in a listing. `created_at` is UTC ISO 8601, `bytes` its size where known."""

    version: str
    created_at: str
    pages: int
    chunks: int
    refusal: str | None
    bytes: int | None = None


def version_info(manifest: Manifest) -> dict[str, Any]:
    """What a listing shows of a version, from its manifest."""
    return {
        "version": manifest.version,
        "created_at": manifest.created_at,
        "pages": len(manifest.pages),
        "chunks": manifest.chunk_count,
        "refusal": manifest.refusal,
    }


class IndexReader(Protocol):
    """One open, sealed version. Safe to use from several threads."""

    index: str
    version: str

    def candidates(
        self, dense: Vector, sparse: SparseVector, limit: int, where: Filter | None = None
    ) -> list[Candidate]:
        """The `limit` best chunks by each of both measures, together, sorted by id."""
        ...

    def fetch(self, ids: Sequence[str]) -> list[Stored]:
        """The chunks of these ids, in the order asked; ids that do not exist are left out."""
        ...

    def blob(self, name: str) -> bytes | None:
        """A named blob that was stored with the version (manifest, lexicon, …)."""
        ...

    def blobs(self) -> list[str]:
        """The names of all blobs, sorted."""
        ...

    def points(self) -> Iterator[list[Point]]:
        """Everything the version holds, in batches, sorted by id; weights of terms are float32."""
        ...

    def close(self) -> None:
        """Release files and connections. Closing twice is allowed."""
        ...


class VersionWriter(Protocol):
    """A version under construction. Leaving the `with` block without `seal` discards it."""

    def remove(self, ids: Iterable[str]) -> None:
        """Drop points that the base version had."""
        ...

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace points."""
        ...

    def put_blob(self, name: str, content: bytes) -> None:
        """Store a named blob with the version."""
        ...

    def seal(self, version: str) -> None:
        """Make the version durable and visible under this id; nothing can change it afterwards.

        A version of that id that exists already is kept, and this one is discarded: equal ids mean equal
        content.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class IndexStore(Protocol):
    """All indexes of one engine."""

    def names(self) -> list[str]:
        """The indexes that have at least one sealed version, sorted."""
        ...

    def versions(self, index: str) -> list[VersionInfo]:
        """Sealed versions, newest first."""
        ...

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        """The version id that an alias points at."""
        ...

    def manifest(self, index: str, version: str) -> bytes:
        """The manifest blob without opening the points. Raises NotFound."""
        ...

    def begin(self, index: str, *, dimension: int, base: str | None = None) -> VersionWriter:
        """Start a version, empty or as a copy of `base`. One writer at a time an index (Conflict)."""
        ...

    def open(self, index: str, version: str | None = None) -> IndexReader:
        """Open a version, by default the live one. Raises IndexMissing."""
        ...

    def promote(self, index: str, version: str) -> None:
        """Point `live` here, atomically, and `previous` at what was live. Raises NotFound."""
        ...

    def drop(self, index: str, version: str) -> None:
        """Delete a version. Refuses (Conflict) one that an alias points at."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
