"""The characters that the recogniser can read: ASCII, Latin letters with accents, and a few signs of cards and receipts."""

from __future__ import annotations

import unicodedata

_ASCII = "".join(chr(code) for code in range(32, 127))
_ACCENTED = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇňŌōŐőŒœŔŕŘřŚśŞşŠšŢţŤťŪūŮůŰűŲųŹźŻżŽž"
)
_SIGNS = "£€°·"
# Position is class: 0 is the CTC blank, character n is class n + 1. Append only; a shipped release has its own copy.
CHARACTERS = _ASCII + _ACCENTED + _SIGNS

# What looks the same is one character.
_SAME = str.maketrans({
    "‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "´": "'", "–": "-", "—": "-", "−": "-", "‐": "-",
    "‑": "-", "…": "...", "\u00a0": " ", "\u202f": " ", "Ș": "Ş", "ș": "ş", "Ț": "Ţ", "ț": "ţ", "×": "x",
    "«": "<<", "»": ">>", "\u00ad": "", "Ÿ": "Y", "•": "·",
})  # fmt: skip


def normalised(text: str) -> str:
    """NFC, typographic variants as their plain character, runs of blanks as one, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_SAME).split())


def readable(text: str) -> str:
    """`normalised`, without the characters that the recogniser does not know."""
    return " ".join("".join(one for one in normalised(text) if one in _KNOWN).split())


_KNOWN = frozenset(CHARACTERS)
