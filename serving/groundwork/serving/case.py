"""One question under way: what is known of it so far, and its one end.

However a question ends (answered, refused, failed, left by the client), it is charged for what was used until then and
recorded exactly once.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from groundwork.core.answers import Answer, Outcome, RailVerdict, Turn, Usage
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.tally import Tally
from groundwork.core.registry.release import Release
from groundwork.core.telemetry import Trace
from groundwork.retrieval.index.base import Filter
from groundwork.retrieval.passages import Retrieval
from groundwork.serving.draft import Draft
from groundwork.serving.generate.base import Finished
from groundwork.serving.store import AnswerStore


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    `history` is the conversation as the client sent it; `conversation` names one that the server keeps.
    `generator` is the generator that the caller asked for, None to leave the choice to the router.
    """

    text: str
    index: str
    history: tuple[Turn, ...] = ()
    where: Filter | None = None
    passages: int | None = None
    generator: str | None = None
    conversation: str | None = None


class Case:
    """Collects what the stages find out. Used from one request only."""

    def __init__(self, question: Question, trace: Trace) -> None:
        self.id = "ans-" + secrets.token_hex(12)
        self.question = question
        self.standalone = question.text
        self.history = question.history
        self.trace = trace
        self.tally = Tally()
        self.verdicts: list[RailVerdict] = []
        self.record: dict[str, Any] = {}
        self.release: Release | None = None
        self.found: Retrieval | None = None
        self.model = ""
        self.draft = Draft(())
        self.usage = Usage()
        self.reason: str | None = None
        # What it is until somebody says otherwise: the client may leave at any await.
        self.outcome: Outcome = "cancelled"
        self.answer: Answer | None = None

    def retrieved(self, found: Retrieval, release: Release, model: str) -> None:
        """Passages are there: from now on the question has a release, and is recorded however it ends."""
        self.found, self.release, self.model = found, release, model
        self.draft = Draft(found.passages)
        self.record["threshold"] = found.threshold

    def finished(self, last: Finished) -> None:
        """The generator is done."""
        self.usage, self.model = last.usage, last.model
        self.record.update(last.record)

    def decided(self) -> None:
        """The answer stands: an answer without a citation is none."""
        self.outcome = "answered" if self.draft.citations else "abstained"
        if self.outcome == "abstained" and self.reason is None:
            self.reason = self._why_not()

    async def close(self, prices: PriceBook, store: AnswerStore) -> Answer:
        """Charge and record what there is. Calling it again returns the same answer."""
        if self.answer is None:
            self.answer = self._answer().charged(prices.charges(self.tally))
            # A client that leaves now does not undo the record.
            await asyncio.shield(asyncio.to_thread(store.save, self.answer))
        return self.answer

    def _why_not(self) -> str:
        if self.found is None or not self.found.passages:
            return "nothing_found"
        return "no_supported_answer" if self.found.answerable else "low_confidence"

    def _answer(self) -> Answer:
        if self.found is None or self.release is None:
            raise AssertionError("a question is recorded from its retrieval on")
        self.record["dropped_citations"] = self.draft.dropped
        return Answer(
            id=self.id,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            question=self.question.text,
            index=self.found.index,
            release=self.release.id,
            index_version=self.found.index_version,
            model=self.model,
            answer=self.draft.text,
            outcome=self.outcome,
            reason=self.reason,
            confidence=self.found.confidence,
            citations=tuple(self.draft.citations),
            usage=self.usage,
            charges=(),
            rails=tuple(self.verdicts),
            timings_ms=self.trace.finish(),
            trace_id=self.trace.trace_id,
            record=self.record,
        )
