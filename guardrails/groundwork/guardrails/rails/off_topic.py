"""The off-topic rail: questions that are far from everything that the index holds."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.guardrails.rails.base import Context, Finding, Options, Rail, whole


class OffTopicOptions(Options):
    """Which of retrieval's numbers to go by."""

    signal: str = "best_cosine"


class OffTopic(Rail):
    """Scores the distance to the nearest passage: 1 minus the signal. Says nothing before retrieval."""

    name = "off_topic"
    stages = frozenset({"input"})
    needs_signals = True
    Options = OffTopicOptions

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding about the whole text, with the distance as its score."""
        near = context.signals.get(self.options.signal)
        if near is None:
            return ()
        return whole(text, "far from the documentation", min(1.0, max(0.0, 1.0 - near)))
