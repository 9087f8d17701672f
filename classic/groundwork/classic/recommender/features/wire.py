"""Feast's values and keys as it stores them online: just enough of protocol buffers to read four kinds of value.

Feast takes 5 to 8 CPU-seconds to import, which the service cannot afford; what it writes is a message of one field. The tests
hold this against what Feast itself writes and reads.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# feast.types.Value: the number of each field that is used here, with its wire type.
_INT64, _FLOAT, _INT64S, _FLOATS, _NULL = (4, 0), (6, 5), (14, 2), (16, 2), (19, 0)
# feast.types.ValueType, in keys.
_STRING, _LONG = 2, 4


def entity_key(name: str, value: int) -> bytes:
    """A key of one int64, as version 3 of Feast's serialisation has it."""
    encoded = name.encode()
    head = struct.pack("<III", 1, _STRING, len(encoded))
    return head + encoded + struct.pack("<IIq", _LONG, 8, value)


def key_of(raw: bytes) -> int:
    """The value of a key that `entity_key` would make."""
    return int(struct.unpack("<q", raw[-8:])[0])


def value_of(raw: bytes) -> Any:
    """An int, a float, an array of int64 or float32, or None. Raises ConfigurationError for what is none of these."""
    if not raw:
        return None
    try:
        tag, at = _varint(raw, 0)
        field = tag >> 3, tag & 7
        if field == _INT64:
            return _signed(_varint(raw, at)[0])
        if field == _FLOAT:
            return struct.unpack_from("<f", raw, at)[0]
        if field in (_INT64S, _FLOATS):
            return _list(raw, at, field)
        if field == _NULL:
            return None
    except (IndexError, struct.error, ValueError) as error:
        raise ConfigurationError(f"a feature's value cannot be read: {error}") from None
    raise ConfigurationError(f"a feature's value has field {tag >> 3}, which is not read here")


def _list(raw: bytes, at: int, field: tuple[int, int]) -> NDArray[np.int64] | NDArray[np.float32]:
    """A message with one packed field, or nothing in it."""
    import numpy as np

    length, at = _varint(raw, at)
    if length == 0:
        return np.empty(0, np.int64) if field == _INT64S else np.empty(0, np.float32)
    tag, at = _varint(raw, at)
    if tag != (1 << 3 | 2):
        raise ValueError("a list that is not packed")
    length, at = _varint(raw, at)
    packed = raw[at : at + length]
    if len(packed) != length:
        raise ValueError("a list that ends early")
    if field == _FLOATS:
        return np.frombuffer(packed, dtype=np.float32)
    return _varints(packed)


def _varints(packed: bytes) -> NDArray[np.int64]:
    """All numbers of a packed field at once."""
    import numpy as np

    octets = np.frombuffer(packed, dtype=np.uint8)
    last = np.flatnonzero(octets < 0x80)
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(len(octets)) - np.repeat(first, last - first + 1)
    parts = (octets & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, first).view(np.int64)


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = raw[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
