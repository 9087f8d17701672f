"""Ways to write an order so that a plain search for words does not see it."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable

_LEET = str.maketrans("aeiostAEIOST", "431057431057")
# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKE = str.maketrans("aeopcxiAEOPCX", "аеорсхіАЕОРСХ")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _hex(text: str) -> str:
    return text.encode().hex()


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _leet(text: str) -> str:
    return text.translate(_LEET)


def _spaced(text: str) -> str:
    return " ".join(text.replace(" ", ""))


def _reversed(text: str) -> str:
    return text[::-1]


def _lookalike(text: str) -> str:
    return text.translate(_LOOKALIKE)


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) if ord(letter) < 128 else letter for letter in text)


def _escapes(text: str) -> str:
    return "".join(f"\\x{ord(letter):02x}" for letter in text if ord(letter) < 256)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": _base64,
    "hex": _hex,
    "rot13": _rot13,
    "leet": _leet,
    "spaced": _spaced,
    "reversed": _reversed,
    "lookalike": _lookalike,
    "zero-width": _zero_width,
    "tags": _tags,
    "escapes": _escapes,
    "percent": _percent,
}
