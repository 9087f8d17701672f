"""What the parsers of formatted documents share: characters that print nothing, and text put together."""

from __future__ import annotations

import re

SEPARATOR = "\n\n"
# Zero-width, bidirectional and tag characters print nothing, and can hide or reorder text. The joiners
# U+200C and U+200D are spelling in scripts that join letters, and part of emoji.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\x01-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\U000e0000-\U000e01ef]"
    "|(?:(?<=[\x00-\u024f])|^)[\u200c\u200d]"
)


def without_invisible(text: str) -> tuple[str, int]:
    """The text without characters that print nothing, and how many those were."""
    # Control characters of ASCII do not come out of any of the libraries that read these formats.
    return (text, 0) if text.isascii() else _INVISIBLE.subn("", text)


class Assembly:
    """The text of a document, part by part, with an empty line between them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """All parts so far."""
        return SEPARATOR.join(self._parts)

    def append(self, part: str) -> tuple[int, int]:
        """The span at which the part stands."""
        start = self._length + (len(SEPARATOR) if self._parts else 0)
        self._parts.append(part)
        self._length = start + len(part)
        return start, self._length
