"""The prompt leak rail: the system prompt's canary in an answer."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import lru_cache

from groundwork.guardrails.detect.patterns import Pattern, scan
from groundwork.guardrails.rails.base import Context, Finding, Rail

# A canary has at most this many letters; between any two there may be one other character.
MAX_CANARY = 32


class PromptLeak(Rail):
    """Finds the canary as it is, with its letters set apart, backwards, in hex, and in base64.

    Who can get the model to say the canary can get it to say the rest of the prompt.
    """

    name = "prompt_leak"
    stages = frozenset({"output"})
    reach = "match"
    spaced = 2 * MAX_CANARY

    def opening(self, context: Context) -> re.Pattern[str] | None:
        """The beginning of the canary, or of its reverse, with letters set apart."""
        return _beginnings(context.canary) if context.canary else None

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each place where it stands."""
        if not context.canary:
            return ()
        return [
            Finding(kind, start, end) for kind, start, end in scan(_forms(context.canary), text)
        ]


@lru_cache(maxsize=64)
def _forms(canary: str) -> tuple[Pattern, ...]:
    if not 8 <= len(canary) <= MAX_CANARY or not canary.isalnum():
        raise ValueError(f"a canary is 8 to {MAX_CANARY} letters and digits")
    apart = [r"[\W_]?".join(word) for word in (canary, canary[::-1])]
    code = canary.encode()
    # In base64 a text looks different at each of three places; what does not depend on its neighbours is looked for.
    shifted = [base64.b64encode(b"\0" * n + code).decode().rstrip("=") for n in range(3)]
    inner = [re.escape(text[-(-n * 8 // 6) : -1]) for n, text in enumerate(shifted)]
    return (
        Pattern("system prompt", re.compile("|".join(apart), re.IGNORECASE), spaced=2 * MAX_CANARY),
        Pattern("system prompt", re.compile(code.hex(), re.IGNORECASE)),
        Pattern("system prompt", re.compile("|".join(inner))),
    )


@lru_cache(maxsize=64)
def _beginnings(canary: str) -> re.Pattern[str]:
    either = "|".join(_beginning(word) for word in (canary, canary[::-1]))
    return re.compile(rf"(?:{either})\Z", re.IGNORECASE)


def _beginning(word: str) -> str:
    """Any beginning of the word, also with one other character behind its last letter."""
    rest = ""
    for letter in reversed(word):
        rest = rf"{letter}(?:[\W_]?(?:{rest})?)" if rest else rf"{letter}[\W_]?"
    return rest
