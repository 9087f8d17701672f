"""Settings of what writes answers: engines, prompts, conversations, the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from groundwork.core.settings.base import Part

Tier = Literal["small", "large"]


class EngineSettings(Part):
    """One engine that speaks OpenAI's API: vLLM, or any compatible server."""

    url: str | None = Field(None, description="Base URL of the engine's OpenAI API, with its /v1.")
    model: str | None = Field(
        None, description="The model to ask for; the first one that the engine lists if unset."
    )
    api_key: SecretStr | None = Field(None, description="The engine's key.")
    tier: Tier = Field("large", description="Which questions it is chosen for: small or large.")
    context_tokens: int | None = Field(
        None, gt=0, description="The model's window; what the engine reports if unset."
    )
    connect_seconds: float = Field(2.0, gt=0, description="How long to wait for a connection.")
    first_token_seconds: float = Field(
        30.0, gt=0, description="How long to wait for the first token of an answer."
    )
    idle_seconds: float = Field(
        15.0, gt=0, description="How long a stream may be silent between two tokens."
    )
    total_seconds: float = Field(120.0, gt=0, description="How long an answer may take in all.")
    retries: int = Field(2, ge=0, le=10, description="Further tries, before the first token only.")
    max_concurrency: int = Field(32, gt=0, description="Requests in flight to the engine.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a place.")
    max_wait_seconds: float = Field(5.0, gt=0, description="How long a request waits for a place.")
    breaker_failures: int = Field(
        5, gt=0, description="Failures in a row after which the engine is left alone."
    )
    breaker_seconds: float = Field(
        10.0, gt=0, description="How long it is left alone before it is tried again."
    )


class GeneratorSettings(EngineSettings):
    """What writes the answer. The engine's own settings are those of the generator `default`."""

    engine: Literal["auto", "extractive", "openai"] = Field(
        "auto",
        description="extractive (quotes, no model), openai (an engine at `url`), or auto: openai"
        " where `url` is set.",
    )
    max_passages: int = Field(5, ge=1, le=10, description="Passages an extractive answer cites.")
    more: dict[str, EngineSettings] = Field(
        default_factory=dict, description="Further engines by name, to route between."
    )
    route: Literal["tier", "default"] = Field(
        "tier", description="tier (by the question's tier) or default (always the first engine)."
    )
    fallback: bool = Field(
        True, description="Answer extractively, marked degraded, where no engine does."
    )
    prompt: str = Field(
        "answer", description="The prompt file's name; without a version, its newest."
    )
    prompts: Path | None = Field(
        None, description="A folder of prompt files that come before the bundled ones."
    )
    max_tokens: int | None = Field(
        None, gt=0, description="The longest answer; the prompt file's if unset."
    )
    unsupported: Literal["remove", "flag"] = Field(
        "remove", description="What happens to sentences that no passage supports."
    )
    support_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Support that a cited sentence needs; the measured one if unset.",
    )
    passthrough: bool = Field(
        False, description="Let callers reach an engine itself by the model name engine/<name>."
    )

    @model_validator(mode="after")
    def _has_a_url(self) -> GeneratorSettings:
        if self.engine == "openai" and self.url is None:
            raise ValueError("engine is openai and url is not set; set url to the engine's /v1")
        for name, engine in self.more.items():
            if engine.url is None:
                raise ValueError(f"more.{name}.url is not set; set it to the engine's /v1")
        return self

    @property
    def engines(self) -> dict[str, EngineSettings]:
        """All configured engines by name; empty where answers are extractive."""
        own = {"default": self} if self.engine != "extractive" and self.url is not None else {}
        return {**own, **self.more}


class ConversationSettings(Part):
    """Follow-up questions, and conversations that the server keeps."""

    rewrite: Literal["auto", "model", "heuristic", "off"] = Field(
        "auto",
        description="How a follow-up becomes a standalone question: by the model, by a heuristic,"
        " not at all, or auto: by the model where there is one.",
    )
    max_history_tokens: int = Field(
        1500, ge=0, description="Tokens of earlier turns that are read; the newest stay."
    )
    keep_days: int = Field(
        30, ge=1, description="Days that a conversation is kept after its last turn."
    )


class CacheSettings(Part):
    """The cache of answers."""

    mode: Literal["off", "exact", "semantic"] = Field(
        "exact", description="off, exact (the same question) or semantic (also near ones)."
    )
    max_entries: int = Field(10_000, gt=0, description="Answers kept; the least used go first.")
    ttl_seconds: float = Field(24 * 3600.0, gt=0, description="How long an answer is reused.")
    threshold: float | None = Field(
        None, ge=0, le=1, description="Similarity a near question needs; the measured one if unset."
    )
