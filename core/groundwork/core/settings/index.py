"""Settings of indexes, embedding, retrieval and ingest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from groundwork.core.settings.base import Part


class IndexSettings(Part):
    """Where vectors live and which index answers when none is named."""

    url: str | None = Field(
        None, description="A Qdrant server's URL; embedded Qdrant Edge if unset."
    )
    api_key: SecretStr | None = Field(None, description="The Qdrant server's key.")
    default: str = Field("docs", description="The index that answers when none is named.")
    timeout_seconds: float = Field(10.0, gt=0, description="How long to wait for a Qdrant server.")
    layout: Literal["own", "shared"] = Field(
        "own",
        description="On a Qdrant server: a collection for each version, or one that all of them share as"
        " tenants, for many small indexes.",
    )
    quantisation: Literal["none", "scalar", "binary"] = Field(
        "none",
        description="How a Qdrant server packs vectors in memory: none, scalar (a quarter) or binary (a"
        " thirty-second); candidates are scored again by the vectors on its disk.",
    )
    oversampling: float = Field(
        2.0, ge=1, le=16, description="How many times as many packed candidates are scored again."
    )
    shards: int | None = Field(
        None, ge=1, description="Shards of a version on a Qdrant cluster; its own default if unset."
    )
    replicas: int | None = Field(
        None, ge=1, description="Copies of each shard; the cluster's own default if unset."
    )
    snapshot_url: str | None = Field(
        None,
        description="How a Qdrant server reaches itself, to clone a version by snapshot; `url` if unset.",
    )
    keep_versions: int = Field(
        3, ge=1, description="Versions `index gc` keeps besides the aliased ones."
    )


class EmbedderSettings(Part):
    """The model that turns text into vectors."""

    model: str = Field(
        "all-MiniLM-L6-v2",
        description="all-MiniLM-L6-v2 (bundled), a folder, or a model's name on a hub.",
    )
    engine: Literal["onnx", "sentence-transformers", "openai", "hashing"] = Field(
        "onnx",
        description="onnx (int8, CPU), sentence-transformers (float32, GPU), openai (a pooling"
        " endpoint at `url`) or hashing (no model; for tests).",
    )
    url: str | None = Field(
        None, description="Base URL of an OpenAI-compatible embeddings endpoint."
    )
    api_key: SecretStr | None = Field(None, description="The embeddings endpoint's key.")
    workers: int = Field(0, ge=0, description="Processes that embed an ingest; 0 means one a core.")


class RetrievalSettings(Part):
    """How many passages are looked at."""

    candidates: int = Field(
        30, ge=10, le=500, description="Chunks each ranking contributes to fusion."
    )
    passages: int = Field(8, ge=1, le=50, description="Passages handed to the generator.")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Answer only at or above this confidence; the calibrated one if unset.",
    )


class IngestSettings(Part):
    """Limits and safety shares of an ingest."""

    max_bytes: int = Field(20 * 2**20, gt=0, description="Files above this many bytes are skipped.")
    max_failed_share: float = Field(
        0.2, ge=0, le=1, description="Above this share of failed pages a version is not promoted."
    )
    max_vanished_share: float = Field(
        0.5, ge=0, le=1, description="Above this share of vanished pages a version is not promoted."
    )
    user_agent: str = Field("groundwork", description="How the website source names itself.")
    requests_per_second: float = Field(4.0, gt=0, description="The website source's rate limit.")
    scan: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Keep pages with orders to the assistant out: on, off, or auto: on unless the"
        " embedder is hashing.",
    )
    allow_private_addresses: bool = Field(
        False, description="Let the website source reach loopback and private addresses."
    )
