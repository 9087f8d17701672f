"""Settings of the recommender: which line of releases answers, and where people's features are read."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from groundwork.core.settings.base import Part


class RecommenderSettings(Part):
    """Which recommender is trained and served."""

    name: str = Field("films", description="The line of releases that is trained and that answers.")
    features: Path | None = Field(
        None, description="The online store of features, a file; under the home if unset."
    )
