"""What every piece of work in Slack goes through: the inbox's item, its place, and messages posted once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from groundwork.core.metering.callers import Caller
from groundwork.core.settings import Settings, SlackChannel
from groundwork.serving.services import Services
from groundwork.serving.slack.inbox import Inbox, Item
from groundwork.serving.slack.outbox import Outbox, SlackRefused
from groundwork.serving.slack.review import ReviewQueue
from groundwork.serving.slack.threads import Threads

# Channels are projects of the ledger by this name, so that they can have budgets; direct messages are none.
CHANNEL_PREFIX = "slack:"


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that work on an item needs."""

    settings: Settings
    services: Services
    inbox: Inbox
    outbox: Outbox
    threads: Threads
    queue: ReviewQueue

    def channel(self, channel: str) -> SlackChannel:
        """What the settings say of a channel."""
        return self.settings.slack.channels.get(channel, SlackChannel())

    def caller(self, user: str, channel: str) -> Caller:
        """On whose account somebody asks here. Blocks."""
        known = self.services.accounts.directory.slack_caller(user)
        team = known.team or self.channel(channel).team or ""
        project = "" if channel.startswith("D") else f"{CHANNEL_PREFIX}{channel}"
        return replace(known, team=team, project=project)

    async def note(self, item: Item, *, private: bool | None = None) -> None:
        """Keep how far an item is. Raises LeaseLost where another process took it over."""
        await asyncio.to_thread(self.inbox.note, item, private=private)

    async def post_once(
        self,
        item: Item,
        part: str,
        text: str,
        blocks: list[dict[str, Any]] | None = None,
        *,
        channel: str | None = None,
        thread_ts: str | None = None,
    ) -> str:
        """Post one part of what an item says, also where a process died right behind posting it."""
        where = channel or item.channel
        if part not in item.posted and item.attempts > 1:
            await self._recall(item, part, where, thread_ts)
        if part not in item.posted:
            key = (item.event_id, part)
            item.posted[part] = await self.outbox.post(
                where, text, blocks, thread_ts=thread_ts, key=key
            )
            await self.note(item)
        return item.posted[part]

    async def whisper(self, item: Item, text: str, thread_ts: str | None = None) -> None:
        """Tell the person who acted; where that is not possible it is left unsaid."""
        try:
            await self.outbox.whisper(item.channel, item.payload["user"], text, thread_ts)
        except SlackRefused as error:
            if error.error not in {"user_not_in_channel", "channel_not_found", "not_in_channel"}:
                raise

    async def _recall(self, item: Item, part: str, channel: str, thread_ts: str | None) -> None:
        found = await self.outbox.find(channel, thread_ts, item.received_at, item.event_id)
        if part in found:
            item.posted[part] = found[part]
            await self.note(item)
