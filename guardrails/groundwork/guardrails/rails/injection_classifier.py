"""The second rail against injection: the classifier that this project trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.rails.base import Context, Finding, Parts, Rail, whole

# Scores below this are not worth a line in a record.
_LEAST = 0.01


class InjectionByClassifier(Rail):
    """One finding with the classifier's score; 0.5 is its operating point for questions and for passages alike."""

    name = "injection_classifier"
    stages = frozenset({"input", "passages"})
    isolated = True

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        if parts.classifier is None:
            raise ConfigurationError(
                "the rail injection_classifier needs a trained classifier; groundwork train injection makes one",
                field="rails",
            )
        self._classifier = parts.classifier

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """What the classifier says of a question, or of the worst sentence of a passage."""
        question = context.on == "input"
        # The vector at hand is the question's; a passage has none of its own here.
        score = self._classifier.score(
            text, context.vector if question else None, "question" if question else "passage"
        )
        return whole(text, "orders to the assistant", score) if score >= _LEAST else ()
