"""The abuse rail: insults and threats against people, by list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundwork.guardrails.detect.characters import fold
from groundwork.guardrails.detect.patterns import scan
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail, whole
from groundwork.guardrails.rails.phrases import phrase_pattern

# Phrases, not words: developers kill processes, abort children, and dump core. Each says something about a person.
_DEFAULT = (
    "kill yourself", "kill your self", "go die", "i will kill you", "i'll kill you", "i am going to kill you",
    "i hope you die", "fuck you", "fuck off", "go fuck yourself", "you piece of shit", "you stupid bot", "stupid bitch",
    "you idiot", "you moron", "you are an idiot", "you're an idiot", "shut the fuck up", "son of a bitch",
    "you are worthless", "you're worthless", "suck my dick",
)  # fmt: skip


class AbuseOptions(Options):
    """What to look for besides the built-in list."""

    phrases: tuple[str, ...] = ()
    builtin: bool = True


class Abuse(Rail):
    """Finds abusive phrases, also in letters that only look like them."""

    name = "abuse"
    stages = frozenset({"input"})
    Options = AbuseOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        phrases = (*(_DEFAULT if options.builtin else ()), *options.phrases)
        pattern = phrase_pattern("abuse", phrases)
        self._patterns = (pattern,) if pattern is not None else ()

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding about the whole text."""
        for _ in scan(self._patterns, fold(text)):
            return whole(text, "abuse")
        return ()
