"""The trace of a job that runs beside the service, such as an ingest by command."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.tracing.exporter import Tracer
from groundwork.core.monitoring.tracing.open import open_tracer
from groundwork.core.monitoring.tracing.spans import spans_of
from groundwork.core.settings import Settings
from groundwork.core.telemetry import NO_STAGES, Stages, Trace

_log = logging.getLogger("groundwork.monitoring")


@contextmanager
def traced(settings: Settings, name: str, attributes: Mapping[str, Any]) -> Iterator[Stages]:
    """What the job says goes where the settings send traces, under a span of this name; where they send none, nowhere.

    Places that do not answer cost the job a warning and a few seconds at its end.
    """
    tracer = _opened(settings)
    if tracer is None:
        yield NO_STAGES
        return
    trace = Trace()
    tracer.start()
    error = ""
    try:
        yield trace
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        tracer.emit(
            trace,
            lambda: spans_of(trace, name, kind="internal", error=error, attributes=attributes),
            failed=bool(error),
        )
        tracer.close()


def _opened(settings: Settings) -> Tracer | None:
    """None where nothing takes traces."""
    try:
        tracer = open_tracer(settings)
    except Unavailable as problem:
        _log.warning("this job is not traced: %s", problem.detail)
        return None
    return tracer if tracer.lanes else None
