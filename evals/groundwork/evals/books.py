"""Charging as an evaluation: the same lines as an answer's, of the kind `evaluation`, so that reports keep them apart."""

from __future__ import annotations

from dataclasses import replace

from groundwork.core.metering.postings import Posting
from groundwork.core.metering.tables import EVALUATION
from groundwork.serving.books import Books, Entry

# What cost reports show as the channel of an evaluation's requests.
CHANNEL = "evaluation"


class EvaluationBooks(Books):
    """Charges, and keeps no answer: the run's own rows do, and nobody may take them for what people asked.

    A question whose process is killed is charged by whoever finds it, as usage of the evaluation's channel.
    """

    def enter(self, entry: Entry) -> None:
        """Charge. Raises Unavailable where not even the journal can be written."""
        self.accounts.record(entry.ticket, as_evaluation(entry.posting()))


def as_evaluation(posting: Posting) -> Posting:
    """The same charges under the kind `evaluation`."""
    return Posting(
        replace(posting.request, kind=EVALUATION),
        tuple(replace(line, kind=EVALUATION) for line in posting.lines),
    )
