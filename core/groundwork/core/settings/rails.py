"""Settings of the rails. What each rail does stands in the policy file, not here."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from groundwork.core.settings.base import Part


class RailsSettings(Part):
    """Which policy file is in force."""

    enabled: bool = Field(True, description="Run rails at all.")
    policy: Path | None = Field(None, description="The policy file; the shipped one if unset.")
