"""Where the settings send traces."""

from __future__ import annotations

from groundwork.core.monitoring.tracing.exporter import Place, Tracer
from groundwork.core.monitoring.tracing.otlp import OtlpPlace
from groundwork.core.monitoring.tracing.store import TraceStore
from groundwork.core.settings import Settings

# The experiment that every MLflow server has; its traces lie in an experiment.
_MLFLOW_HEADERS = {"x-mlflow-experiment-id": "0"}


def open_tracer(settings: Settings) -> Tracer:
    """The database of the ledger, the endpoint, or both. Raises Unavailable or ConfigurationError."""
    places: list[Place] = []
    store = open_trace_store(settings)
    if store is not None:
        places.append(store)
    endpoint, headers = _endpoint(settings)
    if endpoint is not None:
        places.append(OtlpPlace(endpoint, headers))
    return Tracer(places, settings.telemetry.traces.share)


def open_trace_store(settings: Settings) -> TraceStore | None:
    """The kept traces; None where none are kept."""
    keep_days = settings.telemetry.traces.keep_days
    return TraceStore(settings.ledger_url, keep_days) if keep_days else None


def _endpoint(settings: Settings) -> tuple[str | None, dict[str, str]]:
    traces = settings.telemetry.traces
    headers = {name: value.get_secret_value() for name, value in traces.headers.items()}
    if traces.endpoint is not None:
        return traces.endpoint, headers
    server = settings.registry.url
    if server is not None and server.startswith(("http://", "https://")):
        return server, {**_MLFLOW_HEADERS, **headers}
    return None, {}
