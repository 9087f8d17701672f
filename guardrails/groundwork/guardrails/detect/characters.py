"""Characters that hide text or pose as others."""

from __future__ import annotations

import re
import unicodedata

# Nothing of these shows on a screen: zero-width and joining marks, bidirectional overrides, soft hyphens, fillers,
# variation selectors beyond those of emoji, and the tag characters in which whole sentences can be smuggled.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d"
    "\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Joiners make words of Indic and Persian script and emoji; between other letters they only hide.
_JOINERS = "\u200c\u200d"
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"
INVISIBLE = re.compile(f"[{_INVISIBLE}]+|(?<=[\x21-\x7e])[{_JOINERS}]+(?=[\x21-\x7e])")
CONTROL = re.compile(f"[{_CONTROL}]+")
TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
SURROGATE = re.compile("[\ud800-\udfff]")

# Letters of other scripts that look like Latin ones, by what they look like.
_LOOKS_LIKE = {
    "a": "аɑα", "b": "Ьƅ", "c": "сϲⅽ", "d": "ԁⅾ", "e": "еҽ", "g": "ɡ", "h": "һ", "i": "іɩι", "j": "јϳ", "k": "κк",
    "l": "ⅼӏ", "m": "ⅿм", "n": "ոп", "o": "оοօ", "p": "рρ", "q": "ԛ", "r": "гᴦ", "s": "ѕ", "t": "тτ", "u": "υս",
    "v": "ѵνⅴ", "w": "ԝѡ", "x": "хⅹ", "y": "уүγ", "z": "ᴢ",
    "A": "АΑ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ", "H": "НΗ", "I": "ІΙ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν",
    "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ", "Y": "УΥ", "Z": "Ζ",
}  # fmt: skip
_FOLD = {ord(other): latin for latin, others in _LOOKS_LIKE.items() for other in others}
_WORD = re.compile(r"[^\W\d_]{2,}")
_LATIN = re.compile(r"[A-Za-z]")
_OTHER = re.compile("[" + "".join(chr(code) for code in _FOLD) + "]")


def visible(text: str) -> str:
    """The text without what does not show. Text smuggled in tag characters becomes plain, so that it can be read."""
    text = TAGS.sub(lambda match: " " + decode_tags(match[0]) + " ", text)
    return CONTROL.sub(" ", INVISIBLE.sub("", text))


def decode_tags(text: str) -> str:
    """What tag characters spell."""
    return "".join(chr(ord(letter) - 0xE0000) for letter in text)


def mixed_words(text: str) -> list[tuple[int, int]]:
    """Spans of words that mix Latin letters with look-alikes of other scripts: "pаypal" with a Cyrillic a."""
    return [
        match.span()
        for match in _WORD.finditer(text)
        if _LATIN.search(match[0]) and _OTHER.search(match[0])
    ]


def fold(text: str) -> str:
    """What the text looks like, for rules that read it: visible, compatibility forms and look-alikes made plain.

    Look-alikes are replaced only in words that mix scripts, so Russian and Greek stay what they are.
    """
    text = unicodedata.normalize("NFKC", visible(text))
    for start, end in reversed(mixed_words(text)):
        text = text[:start] + text[start:end].translate(_FOLD) + text[end:]
    return text
