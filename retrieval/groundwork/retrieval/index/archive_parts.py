"""Batches of points as bytes, the same on every machine.

    4 × uint32     points n, dimension d, terms t, bytes of the rows
    n × d float32  dense vectors
    n + 1 uint32   where each point's terms begin; the last is t
    t × uint32     terms
    t × float32    their weights
    rows           JSON: [[id, payload], …], keys sorted; payloads as `codec.to_payload` makes them

All numbers are little-endian.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from groundwork.core.errors import SourceError
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 512
_HEAD = 16


def pack(points: Sequence[Point]) -> bytes:
    """Points as bytes."""
    import numpy as np

    dense = np.stack([point.dense for point in points]).astype("<f4")
    sizes = [len(point.sparse.indices) for point in points]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype("<u4")
    terms = np.array([term for point in points for term in point.sparse.indices], dtype="<u4")
    weights = np.array([weight for point in points for weight in point.sparse.values], dtype="<f4")
    rows = orjson.dumps(
        [[point.chunk.id, codec.to_payload(point)] for point in points],
        option=orjson.OPT_SORT_KEYS,
    )
    head = np.array([*dense.shape, len(terms), len(rows)], dtype="<u4")
    numbers = (head, dense, offsets, terms, weights)
    return b"".join([*(each.tobytes() for each in numbers), rows])


def unpack(content: bytes, dimension: int) -> list[Point]:
    """Points again. Raises SourceError where the bytes are not what `pack` makes or a text is not what its digest says."""
    import numpy as np

    try:
        count, width, terms, size = (int(n) for n in np.frombuffer(content, "<u4", 4))
        if width != dimension:
            raise _wrong(f"vectors of {width} numbers where the version has {dimension}")
        pieces = []
        start = _HEAD
        for kind, length in (
            ("<f4", count * width),
            ("<u4", count + 1),
            ("<u4", terms),
            ("<f4", terms),
        ):
            pieces.append(np.frombuffer(content, kind, length, start))
            start += 4 * length
        rows = orjson.loads(content[start : start + size])
        dense, offsets, indices, weights = pieces
        points = [
            _point(row, dense[n * width : (n + 1) * width], indices[a:b], weights[a:b])
            for n, (row, a, b) in enumerate(zip(rows, offsets[:-1], offsets[1:], strict=True))
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong(f"{type(error).__name__}: {error}") from error
    return points


def _point(row: Any, dense: NDArray[Any], terms: NDArray[Any], weights: NDArray[Any]) -> Point:
    point_id, payload = row
    point = codec.to_point(str(UUID(point_id)), payload, dense, (terms, weights))
    chunk = point.chunk
    digest = hashlib.sha256(chunk.embedding_text.encode()).hexdigest()
    if not chunk.digest or not digest.startswith(chunk.digest):
        raise _wrong(f"chunk {chunk.ordinal} of {chunk.page} is not what its digest says")
    return point


def _wrong(what: str) -> SourceError:
    return SourceError(f"this is no whole archive of an index version: {what}")
