"""OpenTelemetry's names for what a model's call used.

As of the GenAI semantic conventions of 2026 (status: development): one counter for each bucket, of which
`cache_read` is part of the input and `reasoning` part of the output. The older histogram `gen_ai.client.token.usage` is
added where `OTEL_SEMCONV_STABILITY_OPT_IN` lists `gen_ai/dup`, OpenTelemetry's word for "both".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from groundwork.core.answers import Usage

OLDER = "gen_ai/dup"

_USAGE = "gen_ai.client.inference.usage"
_OLDER_USAGE = "gen_ai.client.token.usage"


@dataclass(frozen=True, slots=True)
class Operation:
    """What was asked of which model. `provider` is `openai`, `anthropic`, … or a name of one's own."""

    model: str
    provider: str = "vllm"
    name: Literal["chat", "text_completion", "embeddings", "retrieval", "invoke_agent"] = "chat"
    answered_by: str | None = None

    def attributes(self) -> dict[str, str]:
        """What metrics and spans have in common."""
        found = {
            "gen_ai.operation.name": self.name,
            "gen_ai.provider.name": self.provider,
            "gen_ai.request.model": self.model,
        }
        if self.answered_by is not None:
            found["gen_ai.response.model"] = self.answered_by
        return found


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value to add to a counter, or to record in a histogram; its unit is `{token}`."""

    name: str
    value: int
    attributes: Mapping[str, str]
    instrument: Literal["counter", "histogram"] = "counter"


def usage_measurements(
    usage: Usage, operation: Operation, opted_in: frozenset[str] = frozenset()
) -> list[Measurement]:
    """What one call adds to the metrics; `opted_in` is `settings.semconv_opt_in()`."""
    common = operation.attributes()
    attributes = {**common, "gen_ai.token.modality": "text"}
    found = [
        Measurement(f"{_USAGE}.{bucket}", tokens, attributes)
        for bucket, tokens in _buckets(usage).items()
    ]
    if OLDER in opted_in:
        found += [
            Measurement(_OLDER_USAGE, tokens, {**common, "gen_ai.token.type": kind}, "histogram")
            for kind, tokens in (
                ("input", usage.prompt_tokens),
                ("output", usage.completion_tokens),
            )
        ]
    return found


def span_attributes(usage: Usage, operation: Operation) -> dict[str, str | int]:
    """What a span of the call says about it; never any text."""
    tokens = {f"gen_ai.usage.{bucket}": count for bucket, count in _buckets(usage).items()}
    return {**operation.attributes(), **tokens}


def _buckets(usage: Usage) -> dict[str, int]:
    """Input and output always; parts of them where there are any. Nothing here writes a cache at a price."""
    found = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}
    if usage.cached_tokens:
        found["cache_read.input_tokens"] = usage.cached_tokens
    if usage.reasoning_tokens:
        found["reasoning.output_tokens"] = usage.reasoning_tokens
    return found
