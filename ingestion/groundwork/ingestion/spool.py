"""Objects parked in a temporary file, so that a job's memory does not grow with its input."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

_Item = TypeVar("_Item")
# Below this the "file" stays in memory.
_IN_MEMORY_BYTES = 16 * 2**20


class Spool(Generic[_Item]):
    """Append in one pass, read back in the same order in the next. Gone when closed or when the process dies."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 closed by __exit__
        self._offsets: list[int] = []

    def append(self, item: _Item) -> None:
        """Park one item."""
        self._file.seek(0, 2)
        self._offsets.append(self._file.tell())
        pickle.dump(item, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def keep(self, item: _Item) -> _Item:
        """Park one item and hand it on."""
        self.append(item)
        return item

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[_Item]:
        for offset in self._offsets:
            self._file.seek(offset)
            # The file is this process's own and has no name: nobody else can have written to it.
            yield pickle.load(self._file)  # noqa: S301

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
