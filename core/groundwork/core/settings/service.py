"""Settings of the service and its telemetry."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from groundwork.core.settings.base import Part
from groundwork.core.settings.telemetry import TracesSettings


class ServiceSettings(Part):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="Address to bind; others than loopback need keys.")
    port: int = Field(8080, ge=0, le=65535, description="Port to bind.")
    max_body_bytes: int = Field(256 * 1024, gt=0, description="Larger request bodies get a 413.")
    max_question_chars: int = Field(8000, gt=0, description="Longer questions get a 422.")
    max_concurrency: int = Field(64, gt=0, description="Answers in flight before a 503.")
    public_pages: bool = Field(
        False,
        description="Let anybody read indexed pages where there are keys: citations lead there.",
    )
    public_metrics: bool = Field(
        False, description="Let anybody read /metrics where there are keys; else the scope costs."
    )
    follow_seconds: float = Field(1.0, gt=0, description="How often the live alias is looked at.")


class TelemetrySettings(Part):
    """Logs and traces."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log level."
    )
    log_json: bool = Field(False, description="One JSON object a line.")
    traces: TracesSettings = TracesSettings()
