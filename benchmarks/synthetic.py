"""An index of any size without embedding anything: words of a seeded vocabulary, random unit vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.ingestion.chunk import chunk_id
from groundwork.retrieval.index.base import MANIFEST, IndexStore, Point
from groundwork.retrieval.index.manifest import Manifest, PageEntry, version_id
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.sparse import document_vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

INDEX = "synthetic"
_CHUNKS_A_PAGE = 10
_SENTENCES = 5
_WORDS = 20
_VOCABULARY = 30_000
_BATCH = 512


@dataclass(slots=True)
class Synthetic:
    """Texts and vectors from one seed. Word n of the vocabulary has a weight of 1 / (n + 10) (Zipf)."""

    dimension: int
    seed: int = 0
    _random: np.random.Generator = field(init=False)
    _words: list[str] = field(init=False)
    _share: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._words = _vocabulary(self._random)
        weights = 1.0 / (np.arange(len(self._words)) + 10.0)
        self._share = weights / weights.sum()

    def words(self, count: int) -> list[str]:
        """Drawn by their weights."""
        chosen = self._random.choice(len(self._words), size=count, p=self._share)
        return [self._words[n] for n in chosen]

    def page(self, name: str) -> list[Point]:
        """The points of one page."""
        heading = " ".join(self.words(3))
        return [self._point(name, heading, n) for n in range(_CHUNKS_A_PAGE)]

    def _point(self, page: str, heading: str, n: int) -> Point:
        sentences = [" ".join(self.words(_WORDS)).capitalize() + "." for _ in range(_SENTENCES)]
        text = " ".join(sentences)
        start, units = 0, []
        for sentence in sentences:
            units.append(Unit(BlockKind.PARAGRAPH, start, start + len(sentence)))
            start += len(sentence) + 1
        read = f"{heading}\n{text}"
        chunk = Chunk(
            id=chunk_id(page, n),
            page=page,
            ordinal=n,
            title=heading,
            url=None,
            anchor=f"s{n}",
            heading_path=(heading, f"Section {n}"),
            revision="synthetic",
            start=0,
            end=len(text),
            text=text,
            embedding_text=read,
            digest=hashlib.sha256(read.encode()).hexdigest()[:32],
            units=tuple(units),
        )
        vectors = self._unit_vectors(_SENTENCES + 1)
        return Point(
            chunk,
            vectors[0],
            document_vector(chunk.lexical_text),
            np.round(vectors[1:] * 127).astype(np.int8),
        )

    def _unit_vectors(self, count: int) -> NDArray[np.float32]:
        drawn = self._random.standard_normal((count, self.dimension), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn


def build(store: IndexStore, made: Synthetic, chunks: int) -> None:
    """Write and promote an index named INDEX of this many chunks, through the engine's own writer."""
    lexicon = Lexicon()
    entries: list[PageEntry] = []
    with store.begin(INDEX, dimension=made.dimension) as writer:
        points = _points(made, chunks, entries)
        while batch := list(islice(points, _BATCH)):
            writer.upsert(batch)
            for point in batch:
                lexicon.add(point.chunk.lexical_text)
        pages = tuple(entries)
        config = {"embedder": "random", "dimension": made.dimension}
        version = version_id(pages, (), config)
        manifest = Manifest(
            INDEX, version, "2026-01-01T00:00:00Z", None, config, ("synthetic",), pages
        )
        writer.put_blob(MANIFEST, manifest.to_json())
        writer.put_blob("lexicon", lexicon.to_bytes())
        writer.seal(version)
    store.promote(INDEX, version)


def _points(made: Synthetic, chunks: int, entries: list[PageEntry]) -> Iterator[Point]:
    for n in range(chunks // _CHUNKS_A_PAGE):
        name = f"part-{n % 50}/page-{n}.md"
        points = made.page(name)
        title = points[0].chunk.title
        digests = tuple(point.chunk.digest for point in points)
        entries.append(PageEntry(name, f"{n:064x}", "synthetic", title, None, digests))
        yield from points


def _vocabulary(random: np.random.Generator) -> list[str]:
    """Words of two to four syllables, each once."""
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words: dict[str, None] = {}
    while len(words) < _VOCABULARY:
        size = int(random.integers(2, 5))
        words["".join(syllables[n] for n in random.integers(0, len(syllables), size))] = None
    return list(words)
