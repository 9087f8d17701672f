"""Which code a step runs, as a digest: part of every key that a result is kept under."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

# What changes results besides Python: price books, gates, policies, released weights, golden sets.
_SUFFIXES = frozenset({".py", ".yaml", ".json", ".npz", ".jinja", ".md", ".txt"})


@cache
def code_digest() -> str:
    """16 hex digits over the package's files. Kubeflow's own key covers the image and the arguments, not the code in it."""
    import groundwork

    found = hashlib.sha256()
    for root in sorted(groundwork.__path__):
        for path in sorted(Path(root).rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                name = path.relative_to(root).as_posix()
                found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:16]
