"""Bytes to text, once, for every text format."""

from __future__ import annotations

import codecs
import re

from groundwork.ingestion.parse.options import ParseError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# PEP 263 and XML declarations, and HTML's meta element, are looked for at the very top only.
_DECLARED = re.compile(
    rb"""(?:coding[:=]\s*|encoding=["']|charset=["']?)([A-Za-z][A-Za-z0-9._-]{1,30})"""
)
_DECLARATION_BYTES = 1024
# A guess costs time that grows with the text, and this much is enough to tell.
_GUESS_BYTES = 64 * 1024
# charset-normalizer's measure of disorder: above it the text reads like a wrong guess.
_MAX_CHAOS = 0.1
_MIN_GUESS_BYTES = 32


def decode(content: bytes) -> str:
    r"""The text of a file, with line ends normalised to "\n" and without a byte-order mark.

    UTF-8 first, then what the file declares, then a guess, taken only where it is sure. Raises ParseError:
    `binary` for NUL bytes, `encoding` where no encoding fits.
    """
    text = _decode_marked(content)
    if text is None:
        if b"\0" in content:
            raise ParseError("binary", "The file holds NUL bytes, so it is not text.")
        text = _decode_unmarked(content)
    if "\0" in text:
        raise ParseError("binary", "The file holds NUL characters, so it is not text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_marked(content: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                raise ParseError(
                    "encoding", f"The file's byte-order mark says {encoding}, its bytes do not."
                ) from error
    return None


def _decode_unmarked(content: bytes) -> str:
    for encoding in ("utf-8", _declared(content)):
        if encoding is None:
            continue
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return _guess(content)


def _declared(content: bytes) -> str | None:
    match = _DECLARED.search(content[:_DECLARATION_BYTES])
    if match is None:
        return None
    try:
        found = codecs.lookup(match[1].decode("ascii"))
    except LookupError:
        return None
    # codecs also knows transforms such as rot13, told from encodings by nothing but this flag.
    return found.name if found._is_text_encoding else None  # noqa: SLF001 - see above


def _guess(content: bytes) -> str:
    from charset_normalizer import from_bytes

    best = None
    if len(content) >= _MIN_GUESS_BYTES:
        best = from_bytes(content[:_GUESS_BYTES]).best()
    if best is None or best.chaos > _MAX_CHAOS:
        raise ParseError("encoding", "The file's encoding is unknown; save it as UTF-8.")
    try:
        return content.decode(best.encoding)
    except UnicodeDecodeError as error:
        raise ParseError("encoding", "The file mixes encodings; save it as UTF-8.") from error
