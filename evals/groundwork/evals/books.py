"""Charging as an evaluation: what the product charges, of the kind `evaluation`."""

from __future__ import annotations

from groundwork.serving.books import AsideBooks, as_evaluation

__all__ = ["CHANNEL", "EvaluationBooks", "as_evaluation"]

# What cost reports show as the channel of an evaluation's requests.
CHANNEL = "evaluation"
EvaluationBooks = AsideBooks
