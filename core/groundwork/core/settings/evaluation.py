"""Settings of evaluations: the judge, a language model whose opinion of answers is reported."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, SecretStr

from groundwork.core.settings.base import Part


class JudgeSettings(Part):
    """A server that speaks OpenAI's API. Without `url` there is no judge, and its metrics are left out."""

    url: str | None = Field(None, description="Base URL of the judge's OpenAI API, with its /v1.")
    model: str | None = Field(
        None, description="The model to ask for; the first one that the server lists if unset."
    )
    api_key: SecretStr | None = Field(None, description="The server's key.")
    max_tokens: int = Field(2000, gt=0, description="The longest reply of the judge.")
    total_seconds: float = Field(120.0, gt=0, description="How long one reply may take in all.")
    retries: int = Field(2, ge=0, le=10, description="Further tries, before the first token only.")
    max_failed_share: float = Field(
        0.01, ge=0, le=1, description="Above this share of failed calls a run is invalid."
    )
    budget: Decimal | None = Field(
        None, gt=0, description="What the judge of one run may cost; unlimited if unset."
    )
