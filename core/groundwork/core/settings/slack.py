"""Settings of the Slack app."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from groundwork.core.settings.base import Part


class SlackChannel(Part):
    """What holds in one channel instead of the app's own settings."""

    index: str | None = Field(None, description="The index that answers.")
    product_version: tuple[str, ...] = Field(
        (), description="Only pages of these product versions."
    )
    team: str | None = Field(None, description="The team of those who are in none.")


class SlackSettings(Part):
    """The bot. It is off until it has a token."""

    bot_token: SecretStr | None = Field(None, description="The bot's token, xoxb-…")
    signing_secret: SecretStr | None = Field(
        None, description="What Slack signs its requests with; needed by the mode http."
    )
    app_token: SecretStr | None = Field(
        None, description="The app-level token, xapp-…; needed by the mode socket."
    )
    mode: Literal["http", "socket"] = Field(
        "http", description="Whether Slack calls the service or the service calls Slack."
    )
    base_url: str = Field("https://slack.com/api/", description="Slack's Web API; ends in a slash.")
    command: str = Field(
        "/groundwork", pattern=r"^/[a-z0-9_-]{1,31}$", description="The slash command."
    )
    host: str = Field("127.0.0.1", description="Address of groundwork slack in the mode http.")
    port: int = Field(8081, ge=0, le=65535, description="Port of groundwork slack.")
    index: str | None = Field(None, description="The index that answers; index.default if unset.")
    channels: dict[str, SlackChannel] = Field(
        default_factory=dict, description="What differs in a channel, by the channel's id."
    )
    follow_ups: bool = Field(
        True, description="Answer the asker's further messages in a thread without a mention."
    )
    hand_off_channel: str | None = Field(
        None, description="Where threads go that a person shall answer; no button if unset."
    )
    report_channel: str | None = Field(
        None, description="Where the nightly evaluation is told; nowhere if unset."
    )
    thumbs: bool = Field(True, description="Show the feedback buttons below answers.")
    golden_reaction: str | None = Field(
        "star", description="The reaction that proposes a thread for the golden set; none if unset."
    )
    update_seconds: float = Field(
        1.2, gt=0, description="The least time between two updates of messages under way."
    )
    concurrency: int = Field(8, ge=1, le=64, description="Threads answered at once.")
    lease_seconds: float = Field(
        60.0, gt=0, description="After so long without a sign of life another process takes over."
    )
    keep_private_days: int = Field(
        7, ge=0, description="Days that text of private channels and direct messages is kept."
    )

    @property
    def enabled(self) -> bool:
        """Whether there is a bot at all."""
        return self.bot_token is not None

    @field_validator("base_url")
    @classmethod
    def _slash(cls, url: str) -> str:
        if not url.endswith("/"):
            raise ValueError("must end in a slash")
        return url

    @model_validator(mode="after")
    def _complete(self) -> SlackSettings:
        if self.bot_token is None:
            return self
        if self.mode == "http" and self.signing_secret is None:
            raise ValueError("the mode http needs GROUNDWORK_SLACK__SIGNING_SECRET")
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("the mode socket needs GROUNDWORK_SLACK__APP_TOKEN")
        return self
