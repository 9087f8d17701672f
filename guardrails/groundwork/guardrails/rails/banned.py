"""The banned rail: topics and competitors that an answer shall not speak of, by list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundwork.guardrails.detect.patterns import scan
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail
from groundwork.guardrails.rails.phrases import phrase_pattern


class BannedOptions(Options):
    """The lists; both are empty unless a policy fills them."""

    topics: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()


class Banned(Rail):
    """Finds the phrases of the lists as whole words, whatever their case."""

    name = "banned"
    stages = frozenset({"input", "output"})
    reach = "match"
    Options = BannedOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        lists = {"banned topic": options.topics, "competitor": options.competitors}
        patterns = (phrase_pattern(kind, phrases) for kind, phrases in lists.items())
        self._patterns = tuple(pattern for pattern in patterns if pattern is not None)
        self.spaced = max((pattern.spaced for pattern in self._patterns), default=0)

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each phrase."""
        return [Finding(kind, start, end) for kind, start, end in scan(self._patterns, text)]
