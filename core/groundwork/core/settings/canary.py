"""Settings of trials: how a new release is tried on live traffic, and what it may be worse by."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from groundwork.core.settings.base import Part

Metric = Literal[
    "failed", "abstained", "blocked", "cancelled", "disliked", "confidence", "latency", "cost"
]
_METRICS: tuple[Metric, ...] = (
    "failed", "abstained", "blocked", "cancelled", "disliked", "confidence", "latency", "cost",
)  # fmt: skip


class CanarySettings(Part):
    """What `groundwork release canary` does unless told otherwise.

    A limit is what the challenger may be worse by: a difference of shares or of the mean confidence, 0 to 1, or a ratio for
    latency and cost. Only what is worse by more than that and not by chance ends a trial.
    """

    share: float = Field(0.1, gt=0, le=0.9, description="The challenger's share of the traffic.")
    min_requests: int = Field(
        20, ge=5, description="The first comparison is at so many of the challenger."
    )
    max_requests: int = Field(
        1000, ge=5, description="After so many of the challenger the trial has passed."
    )
    max_hours: float = Field(72.0, gt=0, description="A trial that is not decided by then ends.")
    look_seconds: float = Field(10.0, gt=0, description="How often figures are compared.")
    false_alarms: float = Field(
        0.05, gt=0, lt=1, description="Share of challengers that are no worse and end all the same."
    )
    promote_after_canary: bool = Field(
        False, description="Promote a challenger that passed; else it waits for a person."
    )
    compare: tuple[Metric, ...] | None = Field(
        None, min_length=1, description="What can end a trial; all eight metrics if unset."
    )
    max_failed: float = Field(0.01, ge=0, le=1, description="More failures than the champion has.")
    max_abstained: float = Field(0.05, ge=0, le=1, description="More questions without an answer.")
    max_blocked: float = Field(0.02, ge=0, le=1, description="More refusals by a rail.")
    max_cancelled: float = Field(0.05, ge=0, le=1, description="More callers that left.")
    max_disliked: float = Field(0.1, ge=0, le=1, description="More thumbs down, of those judged.")
    max_confidence: float = Field(0.05, ge=0, le=1, description="How far confidence may fall.")
    max_latency: float = Field(1.25, ge=1, description="Latency of an answer, as a ratio.")
    max_cost: float = Field(1.25, ge=1, description="Cost of an answer, as a ratio.")

    @model_validator(mode="after")
    def _ordered(self) -> CanarySettings:
        if self.min_requests > self.max_requests:
            raise ValueError("min_requests is more than max_requests")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """By metric, of those that are compared."""
        return {
            metric: float(getattr(self, f"max_{metric}")) for metric in self.compare or _METRICS
        }
