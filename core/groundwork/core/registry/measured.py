"""A measurement as a file of its release, so that later candidates can be compared with it example by example."""

from __future__ import annotations

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.core.registry.gate import Measured


def to_json(measured: Measured) -> bytes:
    """One document."""
    return orjson.dumps(
        {
            "name": measured.name,
            "invalid": measured.invalid,
            "sources": dict(measured.sources),
            "examples": {name: dict(scores) for name, scores in measured.examples.items()},
        },
        option=orjson.OPT_SORT_KEYS,
    )


def from_json(content: bytes) -> Measured:
    """What `to_json` wrote. Raises InvalidInput."""
    try:
        data = orjson.loads(content)
        return Measured(data["name"], data["examples"], data["sources"], data["invalid"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"this is no measurement: {error}", field="measured") from None
