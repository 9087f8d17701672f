"""Settings of the recommender: which line of releases answers, and from whose features."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from groundwork.core.settings.base import Part


class RecommenderSettings(Part):
    """Which recommender is trained and served."""

    name: str = Field("films", description="The line of releases that is trained and that answers.")
    features: Path | None = Field(
        None,
        description="An online store of features that is kept fresh, a file; each release brings its own if unset.",
    )
