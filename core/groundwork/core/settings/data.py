"""Settings of the data that models are trained on and measured with."""

from __future__ import annotations

from pydantic import Field

from groundwork.core.settings.base import Part


class DataSettings(Part):
    """Where versions of datasets are kept."""

    url: str | None = Field(
        None,
        description="A folder or object storage (s3://…, gs://…); `data` under the home if unset.",
    )
