"""What is kept of each answer beside its record: its trace, its figures, and what drift is watched by.

Everything here goes into memory and is written by threads of its own, so that an answer pays microseconds for it and nothing
that is slow or dead is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from groundwork.core.answers import Answer
from groundwork.core.metering.accounts import Accounts
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.genai import Operation, span_attributes
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.monitoring.tracing.exporter import Tracer
from groundwork.core.monitoring.tracing.spans import Spans, spans_of
from groundwork.core.registry.base import ASSISTANT, Line
from groundwork.serving.books import Books
from groundwork.serving.store import AnswerStore

if TYPE_CHECKING:
    from groundwork.serving.case import Case

# Who answers where no language model does.
_OWN = "groundwork"
_STAGES_OF_RAILS = {
    "input_rails": ("input",),
    "retrieve": ("passages",),
    "output_rails": ("output",),
}


class Witness(Protocol):
    """Hears of every question that has been answered, charged and recorded, however it ended."""

    def answered(self, case: Case) -> None:
        """Never blocks and never raises."""
        ...


class NoWitness:
    """Nobody looks."""

    def answered(self, case: Case) -> None:
        """Dropped."""


class WitnessedBooks(Books):
    """Books that a witness hears of, once a question."""

    def __init__(self, accounts: Accounts, store: AnswerStore, witness: Witness) -> None:
        super().__init__(accounts, store)
        self._witness = witness

    async def close(self, case: Case) -> Answer:
        """Charge and record, then tell; calling it again returns the same answer and tells nobody."""
        first = case.answer is None
        try:
            return await super().close(case)
        finally:
            # Also where the caller left meanwhile: it is charged and recorded behind them.
            if first and case.answer is not None:
                self._witness.answered(case)


@dataclass(frozen=True, slots=True)
class Watching:
    """The witness of a service. With `scrub` the texts are recorded too, as it leaves them."""

    metrics: Metrics
    tracer: Tracer
    monitors: Monitors
    scrub: Callable[[str], str] | None = None
    # Where the settings watch no drift, nothing is made for it either.
    drift: bool = field(default=True)

    def answered(self, case: Case) -> None:
        """Trace, metrics, drift."""
        answer = case.answer
        if answer is None:
            raise AssertionError("an answer is witnessed when it is written")
        failed = answer.outcome == "failed"
        self.tracer.emit(case.trace, lambda: self._spans(case, answer), failed=failed)
        found = case.found
        if found is not None:
            self.metrics.quality.retrieved(found.signals)
        if case.first_token_ms is not None:
            self.metrics.quality.first_token(case.first_token_ms)
        if self.drift and answer.outcome != "cancelled":
            self.monitors.record(Line(ASSISTANT, answer.index), _observed(case, answer))

    def _spans(self, case: Case, answer: Answer) -> Spans:
        spoken = {} if self.scrub is None else _content(case, answer, self.scrub)
        stages: dict[str, dict[str, Any]] = {}
        for stage, sides in _STAGES_OF_RAILS.items():
            stages[stage] = _rails(answer, sides)
        stages["retrieve"] |= _retrieval(case) | spoken.get("retrieve", {})
        stages["generate"] = _generation(answer) | spoken.get("generate", {})
        return spans_of(
            case.trace,
            f"invoke_agent {answer.index}",
            request=answer.id,
            error="failed" if answer.outcome == "failed" else "",
            attributes=_about(case, answer) | spoken.get("", {}),
            by_stage=stages,
        )


def _about(case: Case, answer: Answer) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _OWN,
        "gen_ai.agent.name": answer.index,
        "gen_ai.agent.version": answer.release,
        "gen_ai.conversation.id": answer.conversation_id,
        "gen_ai.response.model": answer.model,
        "groundwork.answer.id": answer.id,
        "groundwork.index.version": answer.index_version,
        "groundwork.outcome": answer.outcome,
        "groundwork.reason": answer.reason,
        "groundwork.confidence": round(answer.confidence, 4),
        "groundwork.citations": len(answer.citations),
        "groundwork.picodollars": answer.picodollars,
        "groundwork.channel": case.question.caller.channel,
        "groundwork.cached": case.hit is not None,
    }


def _rails(answer: Answer, sides: tuple[str, ...]) -> dict[str, Any]:
    verdicts = [verdict for verdict in answer.rails if verdict.on in sides]
    spoke = [
        f"{verdict.rail}={verdict.verdict}" for verdict in verdicts if verdict.verdict != "allow"
    ]
    return {"groundwork.rails": len(verdicts), "groundwork.rails.verdicts": spoke or None}


def _retrieval(case: Case) -> dict[str, Any]:
    found = case.found
    if found is None:
        return {}
    return {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": _OWN,
        "gen_ai.data_source.id": found.index,
        "gen_ai.retrieval.top_k": len(found.passages),
        "groundwork.passages": [passage.chunk.id for passage in found.passages],
        **{f"groundwork.retrieval.{name}": round(v, 4) for name, v in found.signals.items()},
    }


def _generation(answer: Answer) -> dict[str, Any]:
    provider = _OWN if answer.model == "extractive" else "vllm"
    return dict(span_attributes(answer.usage, Operation(answer.model, provider)))


def _content(
    case: Case, answer: Answer, scrub: Callable[[str], str]
) -> Mapping[str, dict[str, Any]]:
    asked = scrub(case.standalone)
    said = scrub(answer.answer)
    passages = case.found.passages if case.found is not None else ()
    documents = [
        {
            "id": passage.chunk.id,
            "score": round(passage.score, 4),
            "content": scrub(passage.chunk.text),
        }
        for passage in passages
    ]
    messages = {
        "gen_ai.input.messages": _message("user", asked),
        "gen_ai.output.messages": _message("assistant", said),
    }
    retrieved = {
        "gen_ai.retrieval.query.text": asked,
        "gen_ai.retrieval.documents": orjson.dumps(documents).decode(),
    }
    return {"": messages, "generate": messages, "retrieve": retrieved}


def _message(role: str, text: str) -> str:
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}]).decode()


def _observed(case: Case, answer: Answer) -> dict[str, Any]:
    signals = case.found.signals if case.found is not None else {}
    rail = (
        answer.reason.removeprefix("rail:") if answer.outcome == "blocked" and answer.reason else ""
    )
    return {
        "question": case.vector,
        "length": len(case.standalone.split()),
        "best_score": signals.get("best_cosine"),
        "confidence": answer.confidence if signals else None,
        "outcome": answer.outcome,
        "rail": rail or None,
        "answer_length": len(answer.answer) if answer.outcome == "answered" else None,
        "cost": answer.picodollars if case.hit is None else None,
    }
