"""Settings of cost reports and exports."""

from __future__ import annotations

from pydantic import Field

from groundwork.core.settings.base import Part


class CostsSettings(Part):
    """How exports for finance name who bills whom."""

    billing_account_id: str = Field(
        "groundwork", min_length=1, description="BillingAccountId of the FOCUS export."
    )
    billing_account_name: str | None = Field(
        None, description="BillingAccountName of the FOCUS export; null if unset."
    )
    provider: str = Field(
        "Groundwork",
        min_length=1,
        description="Who provides, publishes and bills the service in the FOCUS export.",
    )
    host_provider: str = Field(
        "Self-hosted",
        min_length=1,
        description="Whose machines the service runs on in the FOCUS export.",
    )
