"""Documents into passages that keep their structure.

A chunk is a run of whole blocks of one section, so it has one heading path and one anchor. A block is cut only
when it alone is larger than a chunk: code and tables between lines, prose between sentences.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from groundwork.core.documents import Block, BlockKind, Chunk, Document, Section, Unit
from groundwork.core.sentences import sentence_spans

VERSION = "5"
_NAMESPACE = uuid.UUID("6f1d8f6e-6c1b-5c0e-9d43-0d6c3f6a2b11")
_VERBATIM_KINDS = frozenset(
    {BlockKind.CODE, BlockKind.TABLE, BlockKind.OUTPUT, BlockKind.SIGNATURE}
)


@dataclass(frozen=True, slots=True)
class ChunkingConfig:
    """`target_tokens` is where a chunk is closed, `max_tokens` what the embedder reads at most.

    Both count the embedder's own tokens, heading included.
    """

    target_tokens: int = 256
    max_tokens: int = 320

    def identity(self) -> str:
        """Names the rule, for the version's digest."""
        return f"blocks-{VERSION}:{self.target_tokens}:{self.max_tokens}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, or the part of one that fits, with the units in it."""

    units: tuple[Unit, ...]
    tokens: int


def chunk_document(
    document: Document, count_tokens: Callable[[str], int], config: ChunkingConfig
) -> list[Chunk]:
    """The passages of a page in reading order."""
    chunks: list[Chunk] = []
    for index, blocks in groupby(document.blocks, key=lambda block: block.section):
        section = document.sections[index]
        heading = _heading(document, section)
        # A heading longer than half a chunk is the page's mistake; the text still needs room.
        heading_tokens = min(count_tokens(heading), config.max_tokens // 2)
        room = config.max_tokens - heading_tokens
        pieces = [
            piece for block in blocks for piece in _pieces(document, block, count_tokens, room)
        ]
        target = _even(pieces, config.target_tokens - heading_tokens)
        for units in _pack(document, pieces, target, room):
            chunks.append(_chunk(document, section, heading, units, len(chunks)))
    return chunks


def _heading(document: Document, section: Section) -> str:
    """The section's own heading, or the title above the first one; nothing where a section has none."""
    if not section.named:
        return ""
    return section.heading or document.title


def _even(pieces: list[_Piece], target: int) -> int:
    """The target that cuts a section in parts of about the same size: 300 tokens are 2 x 150, not 256 + 44."""
    total = sum(piece.tokens for piece in pieces)
    parts = max(1, math.ceil(total / max(target, 1)))
    # A little more than the even share, because pieces are whole and do not fall on it exactly.
    return min(target, math.ceil(total / parts * 1.08) + 8)


def _pack(
    document: Document, pieces: list[_Piece], target: int, room: int
) -> Iterator[tuple[Unit, ...]]:
    """Close a chunk where the next piece would pass the target; behind an announcing colon, the room."""
    units: list[Unit] = []
    tokens = 0
    for piece in pieces:
        announced = bool(units) and _plain(document, units[-1]).rstrip().endswith(":")
        if units and tokens + piece.tokens > (room if announced else target):
            yield tuple(units)
            units, tokens = [], 0
        units.extend(piece.units)
        tokens += piece.tokens
    if units:
        yield tuple(units)


def _pieces(
    document: Document, block: Block, count_tokens: Callable[[str], int], room: int
) -> Iterator[_Piece]:
    units = _units(document, block)
    tokens = count_tokens(document.plain(block))
    if tokens <= room:
        yield _Piece(units, tokens)
        return
    for unit in units:
        size = count_tokens(_plain(document, unit))
        if size <= room:
            yield _Piece((unit,), size)
            continue
        for part in _lines(document, unit, count_tokens, room):
            yield _Piece((part,), count_tokens(_plain(document, part)))


def _units(document: Document, block: Block) -> tuple[Unit, ...]:
    whole = Unit(block.kind, block.start, block.end, block.plain, block.language)
    if block.kind in _VERBATIM_KINDS:
        return (whole,)
    raw = document.text[block.start : block.end]
    raw_spans = sentence_spans(raw)
    if block.plain is None:
        return tuple(
            Unit(block.kind, block.start + start, block.start + end) for start, end in raw_spans
        )
    plain_spans = sentence_spans(block.plain)
    if len(plain_spans) < 2:
        return (whole,)
    if len(raw_spans) != len(plain_spans):
        raw_spans = _align(raw, block.plain, plain_spans)
    return tuple(
        Unit(block.kind, block.start + start, block.start + end, block.plain[left:right])
        for (start, end), (left, right) in zip(raw_spans, plain_spans, strict=True)
    )


def _align(raw: str, plain: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where the sentences of `plain` stand in `raw`, which has markup in between."""
    matcher = SequenceMatcher(None, plain, raw, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]

    def position(offset: int) -> int:
        for block in blocks:
            if offset < block.a + block.size:
                return block.b + max(0, offset - block.a)
        return len(raw)

    starts = [position(start) for start, _ in spans]
    starts[0] = 0
    ends = [*starts[1:], len(raw)]
    aligned = []
    for start, end in zip(starts, ends, strict=True):
        stripped = len(raw[start:end].rstrip())
        aligned.append((start, start + stripped))
    return aligned


def _lines(
    document: Document, unit: Unit, count_tokens: Callable[[str], int], room: int
) -> Iterator[Unit]:
    """Cut one oversized unit between lines; a single line that is too long is cut by characters."""
    text = document.text[unit.start : unit.end]
    start = position = tokens = 0
    for line in text.splitlines(keepends=True):
        size = count_tokens(line)
        if tokens and tokens + size > room:
            yield _slice(unit, text, start, position)
            start, tokens = position, 0
        while size > room:
            # Code and prose have more than two characters a token; other scripts have fewer.
            length = max(room * 2, 1)
            while length > 1 and count_tokens(text[start : start + length]) > room:
                length //= 2
            yield _slice(unit, text, start, start + length)
            start += length
            size = count_tokens(text[start : position + len(line)])
        tokens += size
        position += len(line)
    if start < len(text):
        yield _slice(unit, text, start, len(text))


def _slice(unit: Unit, text: str, start: int, end: int) -> Unit:
    end = start + len(text[start:end].rstrip())
    return Unit(unit.kind, unit.start + start, unit.start + end, None, unit.language)


def _plain(document: Document, unit: Unit) -> str:
    return unit.plain if unit.plain is not None else document.text[unit.start : unit.end]


def _chunk(
    document: Document,
    section: Section,
    heading: str,
    units: tuple[Unit, ...],
    ordinal: int,
) -> Chunk:
    start, end = units[0].start, units[-1].end
    body = "\n".join(_plain(document, unit) for unit in units)
    # The section's own heading places the text; the whole path would drown it (docs/decisions/retrieval.md).
    embedding_text = f"{heading}\n{body}" if heading else body
    return Chunk(
        id=chunk_id(document.page, ordinal),
        page=document.page,
        ordinal=ordinal,
        title=document.title,
        url=document.url,
        anchor=section.anchor,
        heading_path=section.path or (document.title,),
        revision=document.revision,
        start=start,
        end=end,
        text=document.text[start:end],
        embedding_text=embedding_text,
        digest=hashlib.sha256(embedding_text.encode()).hexdigest()[:32],
        units=units,
        tags=document.tags,
        product_version=document.product_version,
    )


def unit_spans(chunk: Chunk) -> tuple[tuple[int, int], ...]:
    """Where each unit stands in the chunk's embedding text."""
    position = (
        len(chunk.embedding_text) - sum(len(chunk.plain(unit)) + 1 for unit in chunk.units) + 1
    )
    spans = []
    for unit in chunk.units:
        length = len(chunk.plain(unit))
        spans.append((position, position + length))
        position += length + 1
    return tuple(spans)


def chunk_id(page: str, ordinal: int) -> str:
    """The point id of a page's n-th chunk: the same in every version, so neighbours need no search."""
    return str(uuid.uuid5(_NAMESPACE, f"{page}\n{ordinal}"))
