"""A finished request as spans."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from groundwork.core.telemetry import Trace

# What ends a step without anybody being at fault: the caller left.
_LEFT = frozenset({"CancelledError", "GeneratorExit"})


@dataclass(frozen=True, slots=True)
class Span:
    """One step. Ids are hex digits, `parent_id` "" at the top; times are nanoseconds since 1970.

    `kind` is OpenTelemetry's: internal, server or client. `error` is the name of an error, "" where there was none.
    """

    name: str
    span_id: str
    parent_id: str
    began: int
    ended: int
    kind: str = "internal"
    error: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began) / 1e6


@dataclass(frozen=True, slots=True)
class Spans:
    """All spans of one request; the first one is the request itself.

    `request` is the id of the answer or other request that the ledger knows, "" where there is none.
    """

    trace_id: str
    spans: tuple[Span, ...]
    request: str = ""

    @property
    def root(self) -> Span:
        """The request."""
        return self.spans[0]

    @property
    def failed(self) -> bool:
        """Whether it, or a step of it, ended in an error."""
        return any(span.error for span in self.spans)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "trace_id": self.trace_id,
            "request": self.request,
            "spans": [asdict(span) for span in self.spans],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Spans:
        """What `to_dict` gave."""
        spans = tuple(Span(**each) for each in data["spans"])
        return cls(data["trace_id"], spans, data["request"])


def spans_of(
    trace: Trace,
    name: str,
    *,
    request: str = "",
    kind: str = "server",
    error: str = "",
    attributes: Mapping[str, Any] | None = None,
    by_stage: Mapping[str, Mapping[str, Any]] | None = None,
) -> Spans:
    """The request and its stages. `by_stage` adds attributes to the stages of that name."""
    ended = trace.ended_ns or trace.now()
    stages = tuple(trace.stages)
    top = Span(
        name,
        trace.span_id,
        trace.parent_id,
        trace.began_ns,
        ended,
        kind,
        _fault(error),
        {key: value for key, value in (attributes or {}).items() if value is not None},
    )
    ids = [secrets.token_hex(8) for _ in stages]
    spans = [top]
    for stage, span_id in zip(stages, ids, strict=True):
        more = (by_stage or {}).get(stage.name, {})
        spans.append(
            Span(
                stage.name,
                span_id,
                ids[stage.above] if stage.above >= 0 else trace.span_id,
                trace.at(stage.began),
                trace.at(stage.ended) if stage.ended else ended,
                "internal",
                _fault(stage.error),
                {**stage.attributes, **{k: v for k, v in more.items() if v is not None}},
            )
        )
    return Spans(trace.trace_id, tuple(spans), request)


def _fault(error: str) -> str:
    return "" if error in _LEFT else error
