"""One observation as two columns of bytes: JSON for numbers and words, signed bytes for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

# A vector keeps one byte a coordinate: its error is far below what makes two questions differ.
_SCALE = 127.0


def pack(values: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """What `table.checked` gave, as (body, vectors)."""
    body: dict[str, Any] = {}
    parts = []
    for name, value in sorted(values.items()):
        if isinstance(value, np.ndarray):
            largest = float(np.abs(value).max(initial=0.0)) or 1.0
            body[name] = [len(value), largest]
            parts.append(np.round(value * (_SCALE / largest)).astype(np.int8).tobytes())
        else:
            body[name] = value
    return orjson.dumps(body), b"".join(parts)


def unpack(body: bytes, vectors: bytes) -> dict[str, Any]:
    """What was packed, vectors to about one part in 250."""
    values: dict[str, Any] = orjson.loads(body)
    at = 0
    for name in sorted(values):
        if isinstance(values[name], list):
            size, largest = values[name]
            coded = np.frombuffer(vectors, dtype=np.int8, count=size, offset=at)
            values[name] = coded.astype(np.float32) * np.float32(largest / _SCALE)
            at += size
    return values
