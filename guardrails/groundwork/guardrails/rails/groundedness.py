"""The groundedness rail: sentences of an answer that no passage supports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from groundwork.core.errors import ConfigurationError
from groundwork.core.sentences import sentence_spans
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail


class GroundednessOptions(Options):
    """Which sentences are looked at."""

    min_chars: int = Field(
        25, ge=0, description="Shorter ones say nothing that could be unsupported."
    )


class Groundedness(Rail):
    """Scores each sentence by its lack of support in the passages: 1 minus the support. Code blocks are left out."""

    name = "groundedness"
    stages = frozenset({"output"})
    reach = "sentence"
    Options = GroundednessOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        if parts.support is None:
            raise ConfigurationError("the rail groundedness needs a measure of support")
        self._support = parts.support

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each sentence that says something, with what it lacks of support as its score."""
        found = []
        for start, end in sentence_spans(text):
            sentence = text[start:end]
            if len(sentence) < self.options.min_chars or "```" in sentence:
                continue
            lack = 1.0 - self._support(sentence, context.passages)
            found.append(Finding("unsupported sentence", start, end, lack, ""))
        return found
