"""Settings of pipelines: how they run here, and where a cluster runs them."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from groundwork.core.settings.base import Part

_RUN = "GROUNDWORK_PIPELINES__RUN"


class PipelinesSettings(Part):
    """Kubeflow Pipelines, by processes of this machine if nothing else is said."""

    url: str | None = Field(
        None, description="The API of Kubeflow Pipelines, for submit, schedule and status."
    )
    token: SecretStr | None = Field(None, description="What it wants as a bearer token.")
    namespace: str | None = Field(
        None, description="The profile's namespace, where Kubeflow serves several users."
    )
    experiment: str = Field("groundwork", description="The experiment that runs are filed under.")
    root: str | None = Field(
        None, description="Where Kubeflow keeps artifacts (s3://…); its own default if unset."
    )
    image: str = Field(
        "groundwork/jobs:0.1.0",
        description="The image that steps run in; name it by digest, so that caching knows the code.",
    )
    artifacts: str | None = Field(
        None,
        description="Where documents, chunks and vectors go between steps: a folder or object storage;"
        " pipelines/artifacts under the home if unset.",
    )
    shard_bytes: int = Field(
        16 * 2**20, gt=0, description="Bytes of pages in a shard of an ingest."
    )
    parallel: int = Field(2, gt=0, le=512, description="Shards at a time; here at most two.")
    retries: int = Field(2, ge=0, le=10, description="How often a failed step is tried again.")
    backoff_seconds: int = Field(
        5, ge=0, description="Before the first of these; doubled before each that follows."
    )
    golden: str | None = Field(
        None,
        description="A golden set (JSONL file or folder) that a new version of an index must pass"
        " before it goes live, in the pipelines ingest and retrain; only the limits of ingests count if unset, but for"
        " retrainings of the bundled guides.",
    )
    gpu: str | None = Field(
        None, description="The resource that embedding and training ask for (nvidia.com/gpu)."
    )
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="Labels of the nodes that steps with a GPU run on."
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="More variables of every step on the cluster."
    )
    secrets: dict[str, str] = Field(
        default_factory=lambda: {
            "GROUNDWORK_LEDGER__URL": "groundwork-ledger/url",
            "GROUNDWORK_INDEX__API_KEY": "groundwork-qdrant/api-key",
            "GROUNDWORK_PIPELINES__WEBHOOK": "groundwork-pipelines/webhook",
        },
        description="Variables of every step that come from Kubernetes secrets, as name/key.",
    )
    webhook: SecretStr | None = Field(
        None, description="Told of failed runs by POST, as Slack's incoming webhooks want it."
    )
    run: Path | None = Field(
        None, description="The folder of the run that a step belongs to; set by pipeline run."
    )

    @field_validator("secrets")
    @classmethod
    def _named(cls, secrets: dict[str, str]) -> dict[str, str]:
        for variable, place in secrets.items():
            if len([part for part in place.split("/") if part]) != 2:
                raise ValueError(f"{variable}: {place!r} is no secret's name/key")
        return secrets


def run_environment(run: Path) -> dict[str, str]:
    """The environment of the process that executes a run: this one's, and which run it is."""
    return {**os.environ, _RUN: str(run)}
