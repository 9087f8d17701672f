"""Lists of words and phrases, found whatever their case and spacing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundwork.guardrails.detect.patterns import Pattern


def phrase_pattern(kind: str, phrases: Iterable[str]) -> Pattern | None:
    """One pattern for all phrases, None for none. Between two words of a phrase there may be up to three blanks."""
    lists = [phrase.split() for phrase in phrases if phrase.strip()]
    if not lists:
        return None
    spaced = max(sum(len(word) + 3 for word in words[:-1]) for words in lists)
    # The longest first: a phrase may begin with another one.
    lists.sort(key=lambda words: -sum(map(len, words)))
    either = "|".join(r"\s{1,3}".join(re.escape(word) for word in words) for words in lists)
    return Pattern(kind, re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), spaced=spaced)
