"""Text as a language model may read it, when somebody has disguised it from people or from a search for words.

Models read tag characters, base64 and letters with blanks in between. `views` undoes what can be undone without
guessing much; whoever looks for orders in a text looks at every view.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from urllib.parse import unquote

# Print nothing and can hide or reorder text: soft hyphen, zero-width, bidirectional and tag characters, variation
# selectors of the supplementary plane.
INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
    "\U000e0000-\U000e01ef]|(?<=[\x00-\u024f])[\u200c\u200d]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,}={0,2}(?![\w+/=-])")
_HEX = re.compile(r"(?<!\w)(?:[0-9a-fA-F]{2}[ :,]?){12,}(?!\w)")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}){8,}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}){6,}")
_SPACED = re.compile(r"(?<!\S)(?:\S[ \t.·_-]){9,}\S(?!\S)")
_LINE = re.compile(r"[^\n]+")
_STOP = re.compile(r"[.?!:]\s+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEET_WORD = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[013457])[a-zA-Z013457]{3,}\b")
_LEET = str.maketrans("013457", "oieast")
# Letters of other scripts that look like Latin ones.
_LOOKALIKE = str.maketrans(
    "аеорсухіјѕԁвкмнтАЕОРСУХІЈЅВКМНТοανιρτΟΑΝΙΡΤΕΗΚΜΒ",
    "aeopcyxijsdbkmhtAEOPCYXIJSBKMHToavlptOANIPTEHKMB",
)
_MIXED = re.compile("[a-zA-Z][\u0370-\u04ff]|[\u0370-\u04ff][a-zA-Z]")
_COMMON = frozenset(
    "a about above all and any are as be do for from give how i if ignore in instructions is it just me my "
    "not now of on or previous print prompt rules say system tell that the this to what with write you your".split()
)  # fmt: skip
_MAX_VIEW = 4000


def undisguised(text: str) -> str:
    """The text without invisible characters, in compatible characters, look-alike letters made Latin."""
    if text.isascii():
        return text
    clean = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return clean.translate(_LOOKALIKE) if _MIXED.search(clean) else clean


def views(text: str) -> list[str]:
    """The undisguised text first, then every reading that some decoding of it gives, 4,000 characters at most."""
    clean = undisguised(text)
    found = [clean]
    found.extend(_hidden_tags(text))
    for decode in (_base64, _hex, _escapes, _percent, _spaced, _rotated, _reversed, _leet):
        decoded = decode(clean)
        if decoded and decoded not in found:
            found.append(decoded[:_MAX_VIEW])
    return found


def blobs(text: str) -> list[str]:
    """What stands encoded within a page: its tag characters, base64, hexadecimal and escapes, decoded."""
    readings = (hidden_tags(text), _base64(text), _hex(text), _escapes(text))
    return [reading for reading in readings if reading.strip()]


def invisible_count(text: str) -> int:
    """How many characters print nothing."""
    return 0 if text.isascii() else len(INVISIBLE.findall(text))


def hidden_tags(text: str) -> str:
    """What tag characters (U+E0020 to U+E007E) spell: ASCII that no screen shows."""
    return " ".join(_hidden_tags(text))


def _hidden_tags(text: str) -> list[str]:
    if text.isascii():
        return []
    runs = _TAGS.findall(text)
    spelled = "".join("".join(chr(ord(letter) - 0xE0000) for letter in run) for run in runs)
    return [spelled] if spelled.strip() else []


def _readable(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return ""
    if not text.isprintable() and any(not (c.isprintable() or c in "\n\t\r") for c in text):
        return ""
    return text if _english(text) >= 0.1 or " " in text.strip() else ""


def _base64(text: str) -> str:
    parts = []
    for match in _BASE64.finditer(text):
        blob = match[0].replace("-", "+").replace("_", "/")
        try:
            parts.append(_readable(base64.b64decode(blob + "=" * (-len(blob) % 4))))
        except binascii.Error:
            continue
    return " ".join(part for part in parts if part)


def _hex(text: str) -> str:
    parts = []
    for match in _HEX.finditer(text):
        digits = re.sub(r"[^0-9a-fA-F]", "", match[0])
        if len(digits) % 2 == 0:
            parts.append(_readable(bytes.fromhex(digits)))
    return " ".join(part for part in parts if part)


def _escapes(text: str) -> str:
    runs = (re.sub(r"\\x|\\u00", "", match[0]) for match in _ESCAPES.finditer(text))
    return " ".join(filter(None, (_readable(bytes.fromhex(run)) for run in runs)))


def _percent(text: str) -> str:
    return unquote(text) if _PERCENT.search(text) else ""


def _spaced(text: str) -> str:
    """Single letters with blanks in between, run together: the words are lost, their letters are not."""
    if not _SPACED.search(text):
        return ""
    return _SPACED.sub(lambda match: re.sub(r"[ \t.·_-]", "", match[0]), text)


def _rotated(text: str) -> str:
    return _more_english(text, codecs.encode(text, "rot13"))


def _reversed(text: str) -> str:
    return _more_english(text, text[::-1])


def _leet(text: str) -> str:
    if len(_LEET_WORD.findall(text)) < 3:
        return ""
    return _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)


def _more_english(text: str, other: str) -> str:
    """The stretches that read as English in `other` and do not in the text; `other` is as long, letter by letter."""
    found = []
    for start, end in _stretches(text):
        # Reversed text runs the other way.
        mirrored = other[len(other) - end : len(other) - start]
        plain = mirrored if other == text[::-1] else other[start:end]
        if _english(plain) >= 0.25 > _english(text[start:end]):
            found.append(plain.strip())
    return "\n".join(found)


def _stretches(text: str) -> list[tuple[int, int]]:
    """Lines, and within each what stands before and behind each of its first few stops and colons."""
    spans = []
    for line in _LINE.finditer(text):
        spans.append(line.span())
        cuts = [match.end() for match in _STOP.finditer(text, line.start(), line.end())][:4]
        spans += [(cut, line.end()) for cut in cuts]
    return spans[:200]


def _english(text: str) -> float:
    words = [word.lower() for word in _WORD.findall(text)]
    return sum(word in _COMMON for word in words) / len(words) if len(words) >= 3 else 0.0
