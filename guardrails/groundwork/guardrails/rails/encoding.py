"""The encoding rail: control characters, text that does not show, letters that pose as others."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.guardrails.detect.characters import (
    CONTROL,
    INVISIBLE,
    SURROGATE,
    TAGS,
    mixed_words,
)
from groundwork.guardrails.rails.base import Context, Finding, Options, Rail


class EncodingOptions(Options):
    """What counts."""

    look_alikes: bool = True


class Encoding(Rail):
    """Finds characters that have no place in a question.

    Redacting takes them out. A run of tag characters, in which a sentence can be hidden, scores 1; a lone invisible
    character, as editors paste them, 0.3; a word that mixes scripts 0.6.
    """

    name = "encoding"
    stages = frozenset({"input", "passages"})
    Options = EncodingOptions

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each stretch of them."""
        if text.isascii() and not CONTROL.search(text):
            return ()
        found = [
            Finding("control character", *match.span(), 0.5, "") for match in CONTROL.finditer(text)
        ]
        found += [
            Finding("invalid character", *m.span(), 0.9, "") for m in SURROGATE.finditer(text)
        ]
        for match in INVISIBLE.finditer(text):
            if TAGS.search(match[0]):
                found.append(Finding("hidden text", *match.span(), 1.0, ""))
            else:
                score = 0.3 if len(match[0]) < 8 else 0.8
                found.append(Finding("invisible character", *match.span(), score, ""))
        if self.options.look_alikes:
            found += [
                Finding("look-alike letters", start, end, 0.6, text[start:end])
                for start, end in mixed_words(text)
            ]
        return found
