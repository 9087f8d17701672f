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


class RetrainingSettings(Part):
    """When a model is made anew. Lines are those of releases, such as `recommender/films` or `assistant/docs`."""

    data: dict[str, list[str]] = Field(
        default={},
        description="Where the data of a line comes from: a folder, or the sources of an assistant's"
        " index. Only lines that stand here are retrained without being asked.",
    )
    every_days: dict[str, float] = Field(
        default={}, description="A line is retrained when the last time is so many days ago."
    )
    labels: dict[str, int] = Field(
        default={}, description="A line is retrained once so many new labels have come."
    )
    drift_looks: int = Field(
        2, ge=1, description="Looks in a row that have to find drift before a model is made anew."
    )
    quality_days: float = Field(
        7.0, gt=0, description="Quality of so many days is compared with as many before."
    )
    cool_down_hours: float = Field(
        24.0, ge=0, description="Nothing is retrained again sooner, unless a person asks."
    )
    per_month: int = Field(
        10, ge=0, description="Retrainings of one line in 30 days, unless a person asks."
    )
    hours_per_month: float = Field(
        24.0, ge=0, description="Hours that retrainings of all lines may take in 30 days."
    )
    lease_hours: float = Field(
        12.0, gt=0, description="A retraining that has not ended by then counts as lost."
    )


class MonitoringSettings(Part):
    """What watches the models, and what is done about what it finds."""

    drift: DriftSettings = DriftSettings()
    retraining: RetrainingSettings = RetrainingSettings()
