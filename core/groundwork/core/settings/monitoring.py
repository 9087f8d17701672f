"""Settings of monitoring: what counts as drift, and what is done about it."""

from __future__ import annotations

from pydantic import Field

from groundwork.core.settings.base import Part


class DriftSettings(Part):
    """How models are watched."""

    enabled: bool = Field(True, description="Observe what models see and say.")
    reference: int = Field(
        1000, ge=50, description="The first so many observations say what is usual."
    )
    window: int = Field(
        200, ge=50, description="A look needs so many new observations; it takes all there are."
    )
    most: int = Field(5000, ge=50, description="A look takes the newest so many at most.")
    keep: int = Field(
        20_000, ge=0, description="Observations of a monitor that are kept after a look."
    )
    false_alarms: float = Field(
        0.01, gt=0.001, lt=0.5, description="Share of looks that raise an alarm without a cause."
    )
    look_seconds: float = Field(300.0, gt=0, description="How often a service looks.")


class MonitoringSettings(Part):
    """What watches the models."""

    drift: DriftSettings = DriftSettings()
