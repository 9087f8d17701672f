"""One question under way: what is known of it so far."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from groundwork.core.answers import Answer, Charge, Outcome, RailVerdict, Turn, Usage
from groundwork.core.metering.accounts import Ticket
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.prices import GENERATE
from groundwork.core.metering.tally import Tally
from groundwork.core.registry.release import Release
from groundwork.core.telemetry import Trace
from groundwork.guardrails.guard import Outcome as Judged
from groundwork.guardrails.guard import Session
from groundwork.retrieval.index.base import Filter
from groundwork.retrieval.passages import Retrieval
from groundwork.serving.cache import CacheKey, Hit
from groundwork.serving.draft import Draft
from groundwork.serving.events import Started
from groundwork.serving.generate.base import Finished

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    `history` is the conversation as the client sent it; `conversation` names one that the server keeps.
    `begins` says that the conversation is new. `generator` is the generator that the caller asked for, None to leave the
    choice to the router.
    """

    text: str
    index: str
    history: tuple[Turn, ...] = ()
    where: Filter | None = None
    passages: int | None = None
    generator: str | None = None
    conversation: str | None = None
    begins: bool = False
    caller: Caller = field(default_factory=Caller.local)

    @property
    def thread(self) -> str:
        """What all questions of one conversation have in common.

        A history that the client keeps is known by who asks and how it began.
        """
        if self.conversation is not None:
            return self.conversation
        return f"{self.caller.key_id}\n{self.caller.user}\n{self._opening}"

    @property
    def _opening(self) -> str:
        return self.history[0].content if self.history else self.text


def new_answer_id() -> str:
    """For an answer that is to be written."""
    return "ans-" + secrets.token_hex(12)


class Case:
    """Collects what the steps find out. Used from one request only.

    `text` is the question as the rails let it through, `standalone` the one that needs no history.
    """

    def __init__(
        self, question: Question, rails: Session, trace: Trace, name: str | None = None
    ) -> None:
        self.id = name or new_answer_id()
        self.question = question
        self.rails = rails
        self.trace = trace
        self.tally = Tally()
        self.verdicts: list[RailVerdict] = []
        self.record: dict[str, Any] = {}
        self.text = question.text
        self.standalone = question.text
        self.history = question.history
        self.conversation = question.conversation
        self.ticket: Ticket | None = None
        # What a rail wants said instead of an answer.
        self.refusal: str | None = None
        self.vector: NDArray[np.float32] | None = None
        self.embedded = ""
        self.key: CacheKey | None = None
        self.hit: Hit | None = None
        self.found: Retrieval | None = None
        self.release: Release | None = None
        self.model = ""
        self.draft = Draft(())
        self.usage = Usage()
        self.first_token_ms: int | None = None
        self.reason: str | None = None
        # What it is until somebody says otherwise: the client may leave at any await.
        self.outcome: Outcome = "cancelled"
        # Set once it is charged and recorded.
        self.answer: Answer | None = None

    def admitted(self) -> Ticket:
        """What it was let in with."""
        if self.ticket is None:
            raise AssertionError("a question is let in before anything else")
        return self.ticket

    def judged(self, outcome: Judged) -> None:
        """The rails have seen the question."""
        self.verdicts += outcome.verdicts
        self.text = outcome.text
        if outcome.stopped:
            self.refusal = outcome.message
            self.reason = f"rail:{outcome.rail}"

    def begun(self, found: Retrieval, release: Release, model: str) -> None:
        """From now on the question has a release, and is recorded however it ends."""
        self.found, self.release, self.model = found, release, model
        self.draft = Draft(found.passages)
        self.record["threshold"] = found.threshold

    def speaks(self) -> None:
        """Words leave; when the first ones did is kept."""
        if self.first_token_ms is None:
            self.first_token_ms = round(self.trace.elapsed_ms())

    def finished(self, last: Finished) -> None:
        """The generator is done."""
        self.usage, self.model = last.usage, last.model
        self.record.update(last.record)

    def withheld(self, rail: str) -> None:
        """A rail ended the answer in the middle."""
        self.refusal, self.reason = "", f"rail:{rail}"

    def decided(self) -> None:
        """The answer stands: an answer without a citation is none."""
        if self.refusal is not None:
            self.outcome = "blocked"
        elif self.hit is not None:
            self.outcome, self.reason = self.hit.answer.outcome, self.hit.answer.reason
        elif self.draft.citations:
            self.outcome = "answered"
        else:
            self.outcome = "abstained"
            self.reason = self._why_not()

    def started(self) -> Started:
        """The event that begins the answer."""
        found, release = self._what_began()
        return Started(
            id=self.id,
            trace_id=self.trace.trace_id,
            index=found.index,
            index_version=found.index_version,
            release=release.id,
            model=self.model,
            conversation_id=self.conversation,
            ticket=self.admitted(),
        )

    def to_answer(self, charges: tuple[Charge, ...]) -> Answer:
        """What there is, as an answer."""
        found, release = self._what_began()
        if self.usage == Usage():
            # Cut before its end: what the generator had said until then.
            self.usage = self.tally.usage(GENERATE)
        if self.draft.dropped:
            self.record["dropped_citations"] = self.draft.dropped
        return Answer(
            id=self.id,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            question=self.text,
            index=found.index,
            release=release.id,
            index_version=found.index_version,
            model=self.model,
            answer=self.draft.text,
            outcome=self.outcome,
            reason=self.reason,
            confidence=found.confidence,
            citations=tuple(self.draft.citations),
            usage=self.usage,
            charges=charges,
            rails=tuple(self.verdicts),
            timings_ms=self.trace.finish(),
            trace_id=self.trace.trace_id,
            budget=self.admitted().budget(),
            conversation_id=self.conversation,
            record=self.record,
            currency=self.admitted().book.currency,
        )

    def _what_began(self) -> tuple[Retrieval, Release]:
        if self.found is None or self.release is None:
            raise AssertionError("a question has a release and passages before it is answered")
        return self.found, self.release

    def _why_not(self) -> str:
        found, _ = self._what_began()
        if not found.passages:
            return "nothing_found"
        return "no_supported_answer" if found.answerable else "low_confidence"
