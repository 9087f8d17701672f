"""Settings of traces: which are kept, where they go, and what they may hold."""

from __future__ import annotations

from pydantic import Field, SecretStr

from groundwork.core.settings.base import Part


class TracesSettings(Part):
    """What becomes of the spans of a request."""

    share: float = Field(
        1.0, ge=0, le=1, description="Share of requests that is traced; what failed always is."
    )
    keep_days: int = Field(
        7, ge=0, description="Days that traces are kept in the ledger's database; 0 keeps none."
    )
    endpoint: str | None = Field(
        None,
        description="An OTLP endpoint over HTTP; the registry's MLflow server if unset and there is one.",
    )
    headers: dict[str, SecretStr] = Field(
        default={}, description="Headers for the endpoint, such as its key."
    )
    content: bool = Field(
        False,
        description="Record questions, passages and answers in spans, without what rails redact.",
    )
