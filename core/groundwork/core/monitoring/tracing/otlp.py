"""Traces to any OTLP endpoint, over HTTP as protobuf: a collector, Jaeger, Tempo, or an MLflow server.

OpenTelemetry's own exporter does the talking; it is imported by the thread that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.tracing.spans import Span, Spans

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import ReadableSpan

_PATH = "/v1/traces"
_SERVICE = "groundwork"


class OtlpPlace:
    """See `exporter.Place`. Retries for `timeout_seconds` at most, then the batch counts as dropped."""

    name = "otlp"

    def __init__(
        self, endpoint: str, headers: Mapping[str, str] | None = None, timeout_seconds: float = 5.0
    ) -> None:
        """`endpoint` is the base URL, or the full one ending in `/v1/traces`."""
        base = endpoint.rstrip("/")
        self.url = base if base.endswith(_PATH) else base + _PATH
        self._headers = dict(headers or {})
        self._timeout_seconds = timeout_seconds
        self._exporter: OTLPSpanExporter | None = None

    def write(self, batch: Sequence[Spans]) -> None:
        """Send them. Raises Unavailable."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter is None:
            self._exporter = _exporter(self.url, self._headers, self._timeout_seconds)
        result = self._exporter.export([one for spans in batch for one in readable(spans)])
        if result is not SpanExportResult.SUCCESS:
            raise Unavailable(
                f"the collector at {self.url} does not take traces",
                field="telemetry.traces.endpoint",
            )

    def close(self) -> None:
        """Close the connection."""
        if self._exporter is not None:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # theirs has no types


def readable(spans: Spans) -> Iterator[ReadableSpan]:
    """As OpenTelemetry's SDK has them."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    resource = Resource({"service.name": _SERVICE, "service.version": version("groundwork")})
    scope = InstrumentationScope(_SERVICE)
    kinds = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}
    number = int(spans.trace_id, 16)

    def context(span_id: str, *, remote: bool = False) -> SpanContext:
        return SpanContext(number, int(span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED))

    for span in spans.spans:
        parent = context(span.parent_id, remote=span is spans.root) if span.parent_id else None
        yield ReadableSpan(
            name=span.name,
            context=context(span.span_id),
            parent=parent,
            resource=resource,
            attributes=attributes(span),
            kind=kinds.get(span.kind, SpanKind.INTERNAL),
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=scope,
        )


def attributes(span: Span) -> dict[str, Any]:
    """What OTLP can carry, with the error under its conventional name."""
    found = {
        key: list(value) if isinstance(value, list | tuple) else value
        for key, value in span.attributes.items()
    }
    return {**found, "error.type": span.error} if span.error else found


def _exporter(url: str, headers: Mapping[str, str], seconds: float) -> OTLPSpanExporter:
    import logging

    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # It logs each retry; the lane says once that traces are dropped.
    logging.getLogger("opentelemetry.exporter.otlp.proto.http").setLevel(logging.CRITICAL)
    return OTLPSpanExporter(
        endpoint=url, headers=dict(headers), timeout=seconds, compression=Compression.Gzip
    )
