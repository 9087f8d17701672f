"""Chunks as payloads, and back, without loss.

Everything that an answer needs travels in the payload, so a replica needs no file besides the engine. Short
keys, and units as arrays, keep it small; the four filter fields are keyword arrays that match exactly.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.retrieval.index.base import Filter, Point, SparseVector, Stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The payload field behind each field of Filter.
FILTER_FIELDS = {"path": "folders", "section": "sections", "version": "version", "tags": "tags"}


def to_payload(point: Point) -> dict[str, Any]:
    """What the engine stores beside the vectors."""
    chunk = point.chunk
    payload: dict[str, Any] = {
        "page": chunk.page,
        "n": chunk.ordinal,
        "title": chunk.title,
        "url": chunk.url,
        "anchor": chunk.anchor,
        "headings": list(chunk.heading_path),
        "revision": chunk.revision,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "read": chunk.embedding_text,
        "digest": chunk.digest,
        "units": [[u.kind.value, u.start, u.end, u.plain, u.language] for u in chunk.units],
        "folders": list(folders(chunk.page)),
        "sections": sorted({heading.casefold() for heading in chunk.heading_path}),
        "version": chunk.product_version,
        "tags": list(chunk.tags),
    }
    if point.units is not None:
        payload["vectors"] = base64.b64encode(point.units.tobytes()).decode()
    return payload


def from_payload(point_id: str, payload: Mapping[str, Any]) -> Stored:
    """The chunk that `to_payload` wrote."""
    chunk = Chunk(
        id=point_id,
        page=payload["page"],
        ordinal=payload["n"],
        title=payload["title"],
        url=payload["url"],
        anchor=payload["anchor"],
        heading_path=tuple(payload["headings"]),
        revision=payload["revision"],
        start=payload["start"],
        end=payload["end"],
        text=payload["text"],
        embedding_text=payload["read"],
        digest=payload["digest"],
        units=tuple(
            Unit(BlockKind(kind), start, end, plain, language)
            for kind, start, end, plain, language in payload["units"]
        ),
        tags=tuple(payload["tags"]),
        product_version=payload["version"],
    )
    return Stored(chunk, _unit_vectors(payload.get("vectors"), len(chunk.units)))


def to_point(
    point_id: str,
    payload: Mapping[str, Any],
    dense: Sequence[float] | NDArray[np.float32],
    terms: tuple[Iterable[int], Iterable[float]],
) -> Point:
    """A whole point back from an engine, the same from each: terms sorted, all numbers as float32 holds them."""
    import numpy as np

    stored = from_payload(point_id, payload)
    order = sorted(zip(*terms, strict=True))
    weights = np.array([weight for _, weight in order], dtype=np.float32)
    sparse = SparseVector(tuple(int(term) for term, _ in order), tuple(weights.tolist()))
    return Point(stored.chunk, np.asarray(dense, dtype=np.float32), sparse, stored.units)


def _unit_vectors(encoded: str | None, units: int) -> NDArray[np.int8] | None:
    if encoded is None or not units:
        return None
    import numpy as np

    return np.frombuffer(base64.b64decode(encoded), dtype=np.int8).reshape(units, -1)


def folders(page: str) -> Iterator[str]:
    """The page and every folder above it, so that a path filter is an exact match: "a/b.md", "a"."""
    path = page.strip("/")
    while path:
        yield path
        path = path.rpartition("/")[0]


def wanted(where: Filter) -> dict[str, list[str]]:
    """Payload field to the values that fit, for the fields that the filter narrows."""
    values = {
        "path": [path.strip("/") for path in where.path],
        "section": [section.casefold() for section in where.section],
        "version": list(where.version),
        "tags": list(where.tags),
    }
    return {FILTER_FIELDS[name]: fits for name, fits in values.items() if fits}


def fits(payload: Mapping[str, Any], where: Filter) -> bool:
    """Whether a payload passes a filter, for engines that do not filter themselves."""
    for field, values in wanted(where).items():
        held = payload[field]
        if not set(held if isinstance(held, list) else [held]) & set(values):
            return False
    return True
