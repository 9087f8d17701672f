"""Settings of the registry: where releases, runs and prompts are kept, and who decides what answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from groundwork.core.settings.base import Part


class RegistrySettings(Part):
    """MLflow, on SQLite and local files if nothing else is said."""

    url: str | None = Field(
        None,
        description="An MLflow server's URL, or a database's (postgresql://…); SQLite under the home"
        " if unset.",
    )
    artifacts: str | None = Field(
        None,
        description="Where files of releases go when `url` is a database: a folder or an object"
        " storage's URL; under the home if unset.",
    )
    follow_seconds: float = Field(
        1.0, gt=0, description="How often a service looks which release is champion."
    )
    serve: Literal["auto", "champion", "settings"] = Field(
        "auto",
        description="What answers: the champion, what the settings say, or auto: the settings until"
        " somebody promotes a release.",
    )
    register_live: bool = Field(
        True, description="Write down as a release whatever answers as configured."
    )
