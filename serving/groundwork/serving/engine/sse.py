"""Server-sent events out of bytes, however the network cut them.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from groundwork.core.errors import EngineBroken

DONE = b"[DONE]"
# A chunk of one token is some 300 bytes; log probabilities make it some 10 kB.
MAX_EVENT_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Feed it bytes; it gives back the data of each event that is complete. Comments and other fields are skipped."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that end in this chunk. Raises EngineBroken where one is too large."""
        lines = self._whole_lines(chunk)
        events = []
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
                self._size = 0
        if self._size + len(self._line) > self._max_event_bytes:
            raise self._too_large()
        return events

    def _whole_lines(self, chunk: bytes) -> list[bytes]:
        """A line ends with LF, CR LF or CR. The LF of a CR LF may come in the next chunk."""
        ends_with_cr = chunk.endswith(b"\r") if chunk else self._after_cr
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = ends_with_cr
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._line += chunk
        if b"\n" not in chunk:
            return []
        *lines, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        return lines

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        self._data.append(value.removeprefix(b" "))
        self._size += len(value)
        if self._size > self._max_event_bytes:
            raise self._too_large()

    def _too_large(self) -> EngineBroken:
        return EngineBroken(
            f"the engine sent an event of more than {self._max_event_bytes:,} bytes"
        )
