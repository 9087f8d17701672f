"""An index as its sections: what a question is made from, and what a golden question is held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.evals.golden import Corpus, squeezed
from groundwork.retrieval.index.base import IndexReader


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, list item, table or code block: as a person reads it, and as it stands in the page."""

    kind: BlockKind
    plain: str
    verbatim: str


@dataclass(frozen=True, slots=True)
class Section:
    """All that an index holds of one place, `page#anchor`, in reading order. `text` is verbatim."""

    place: str
    page: str
    title: str
    heading: str
    pieces: tuple[Piece, ...]
    text: str


def read_sections(reader: IndexReader) -> list[Section]:
    """Every place of the version, by page and in the order of the page."""
    chunks = [point.chunk for batch in reader.points() for point in batch]
    by_place: dict[str, list[Chunk]] = {}
    for chunk in sorted(chunks, key=lambda one: (one.page, one.ordinal)):
        by_place.setdefault(f"{chunk.page}#{chunk.anchor}", []).append(chunk)
    return [_section(place, held) for place, held in by_place.items()]


def corpus_of(sections: Iterable[Section]) -> Corpus:
    """As the linter of golden sets wants it; see `golden.read_corpus`."""
    pages: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for one in sections:
        pages.setdefault(one.page, []).append(one.text)
        read = "\n".join(piece.plain for piece in one.pieces)
        places[one.place] = squeezed(f"{one.text}\n{read}")
    return Corpus({page: squeezed("\n".join(texts)) for page, texts in pages.items()}, places)


def _section(place: str, chunks: Sequence[Chunk]) -> Section:
    first = chunks[0]
    pieces = [_piece(chunk, unit) for chunk in chunks for unit in chunk.units]
    heading = first.heading_path[-1] if first.heading_path else first.title
    text = "\n\n".join(chunk.text for chunk in chunks)
    return Section(place, first.page, first.title, heading, tuple(pieces), text)


def _piece(chunk: Chunk, unit: Unit) -> Piece:
    verbatim = chunk.text[unit.start - chunk.start : unit.end - chunk.start]
    return Piece(unit.kind, unit.plain if unit.plain is not None else verbatim, verbatim)
