"""Labels that cannot grow without bound."""

from __future__ import annotations

import threading

OTHER = "other"


class Bounded:
    """The first `limit` values pass; later ones become "other"."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> str:
        """The label's value."""
        with self._lock:
            if value not in self._seen:
                if len(self._seen) >= self._limit:
                    return OTHER
                self._seen.add(value)
        return value
