"""Slack's Web API as the bot uses it: rate limits respected, updates paced, errors of one tree."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import GroundworkError, Unavailable
from groundwork.core.settings import SlackSettings

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

_log = logging.getLogger("groundwork.slack")

# Names of Slack's errors that pass.
_PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}
)
# So long a message that must get through waits for its turn.
_PATIENCE = 300.0
# A channel can be made private.
_REMEMBER_SECONDS = 600.0
_EVENT_TYPE = "groundwork_part"


class SlackRefused(GroundworkError):
    """Slack will not do this, now or later. `error` is Slack's own name for why."""

    status = 502
    code = "slack-refused"
    title = "Slack refused"

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method}: {error}")
        self.error = error


class Outbox:
    """Used from one event loop."""

    def __init__(self, client: AsyncWebClient, settings: SlackSettings) -> None:
        self._client = client
        self._update_seconds = settings.update_seconds
        self._rests: dict[str, float] = {}
        self._next_update = 0.0
        self._private: dict[str, tuple[bool, float]] = {}

    @classmethod
    def open(cls, settings: SlackSettings) -> Outbox:
        """To the workspace that the settings name. Tries once: whoever posts knows what was posted already."""
        from slack_sdk.web.async_client import AsyncWebClient

        token = settings.bot_token
        client = AsyncWebClient(
            None if token is None else token.get_secret_value(),
            base_url=settings.base_url,
            timeout=30,
            retry_handlers=[],
        )
        return cls(client, settings)

    def may_update(self) -> bool:
        """Whether a message under way may be updated now. Slack counts updates of all messages together."""
        now = time.monotonic()
        return now >= self._next_update and now >= self._rests.get("chat.update", 0.0)

    async def update(
        self,
        channel: str,
        ts: str,
        text: str,
        blocks: list[dict[str, Any]] | None = None,
        *,
        patient: bool = True,
    ) -> None:
        """Write a message anew. Without patience it raises Unavailable where Slack asks to wait."""
        self._next_update = time.monotonic() + self._update_seconds
        # Without blocks those of before would stay.
        fields = {"channel": channel, "ts": ts, "text": text, "blocks": blocks or []}
        await self._call(
            "chat.update",
            self._client.chat_update,
            fields | {"parse": "none", "link_names": False},
            patient=patient,
        )

    async def post(
        self,
        channel: str,
        text: str,
        blocks: list[dict[str, Any]] | None = None,
        *,
        thread_ts: str | None = None,
        key: tuple[str, str] | None = None,
    ) -> str:
        """Post a message; returns its timestamp. `key` (event, part) lets `find` see it again."""
        fields: dict[str, Any] = {"channel": channel, "text": text, "parse": "none"}
        fields |= {"link_names": False, "unfurl_links": False, "unfurl_media": False}
        if blocks:
            fields["blocks"] = blocks
        if thread_ts:
            fields["thread_ts"] = thread_ts
        if key is not None:
            payload = {"event": key[0], "part": key[1]}
            fields["metadata"] = {"event_type": _EVENT_TYPE, "event_payload": payload}
        said = await self._call("chat.postMessage", self._client.chat_postMessage, fields)
        return str(said["ts"])

    async def whisper(self, channel: str, user: str, text: str, thread_ts: str | None) -> None:
        """Tell one person only."""
        fields: dict[str, Any] = {"channel": channel, "user": user, "text": text, "parse": "none"}
        if thread_ts:
            fields["thread_ts"] = thread_ts
        await self._call("chat.postEphemeral", self._client.chat_postEphemeral, fields)

    async def find(
        self, channel: str, thread_ts: str | None, since: float, event: str
    ) -> dict[str, str]:
        """Parts of this event that are posted already: part -> timestamp."""
        fields: dict[str, Any] = {"channel": channel, "limit": 200, "include_all_metadata": True}
        fields["oldest"] = f"{since - 60:.6f}"
        if thread_ts:
            fields["ts"] = thread_ts
            method, call = "conversations.replies", self._client.conversations_replies
        else:
            method, call = "conversations.history", self._client.conversations_history
        said = await self._call(method, call, fields)
        found: dict[str, str] = {}
        for message in said.get("messages", []):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == _EVENT_TYPE and payload.get("event") == event:
                found.setdefault(str(payload.get("part")), str(message["ts"]))
        return found

    async def react(self, channel: str, ts: str, name: str) -> None:
        """Add a reaction; one that is there already is enough."""
        try:
            fields = {"channel": channel, "timestamp": ts, "name": name}
            await self._call("reactions.add", self._client.reactions_add, fields)
        except SlackRefused as error:
            if error.error != "already_reacted":
                raise

    async def permalink(self, channel: str, ts: str) -> str:
        """The address of a message."""
        fields = {"channel": channel, "message_ts": ts}
        said = await self._call("chat.getPermalink", self._client.chat_getPermalink, fields)
        return str(said["permalink"])

    async def suggest(self, channel: str, thread_ts: str, prompts: list[dict[str, str]]) -> None:
        """Offer questions in an assistant thread."""
        fields = {"channel_id": channel, "thread_ts": thread_ts, "prompts": prompts}
        await self._call(
            "assistant.threads.setSuggestedPrompts",
            self._client.assistant_threads_setSuggestedPrompts,
            fields,
        )

    async def is_private(self, channel: str, kind: str | None = None) -> bool:
        """Whether only some may read there. What Slack does not say counts as private."""
        if kind:
            return kind != "channel"
        known, until = self._private.get(channel, (True, 0.0))
        if time.monotonic() > until:
            try:
                said = await self._call(
                    "conversations.info", self._client.conversations_info, {"channel": channel}
                )
            except SlackRefused:
                return True
            place = said.get("channel") or {}
            kinds = ("is_private", "is_im", "is_mpim")
            known = any(bool(place.get(each)) for each in kinds)
            self._private[channel] = known, time.monotonic() + _REMEMBER_SECONDS
        return known

    async def identify(self) -> dict[str, Any]:
        """Whose token this is. Raises SlackRefused where it is none."""
        return await self._call("auth.test", self._client.auth_test, {})

    async def _call(
        self,
        method: str,
        call: Callable[..., Awaitable[Any]],
        fields: Mapping[str, Any],
        *,
        patient: bool = True,
    ) -> dict[str, Any]:
        import aiohttp
        from slack_sdk.errors import SlackApiError, SlackClientError

        give_up = time.monotonic() + _PATIENCE
        while True:
            rest = self._rests.get(method, 0.0) - time.monotonic()
            if rest > 0:
                if not patient or time.monotonic() + rest > give_up:
                    raise Unavailable(f"Slack asks to wait with {method}", retry_after=rest)
                await asyncio.sleep(rest)
            try:
                return dict((await call(**fields)).data)
            except SlackApiError as error:
                self._judge(method, error)
            except (aiohttp.ClientError, SlackClientError, TimeoutError) as error:
                why = str(error) or type(error).__name__
                raise Unavailable(f"Slack does not answer {method}: {why}") from error

    def _judge(self, method: str, error: Any) -> None:
        """Note that Slack wants a rest; raises for everything else."""
        response = error.response
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
        data = getattr(response, "data", None)
        name = str(data.get("error", "")) if isinstance(data, dict) else ""
        if status == 429 or name == "ratelimited":
            seconds = float(response.headers.get("Retry-After", 1))
            _log.info("Slack asks to wait %.0f s with %s", seconds, method)
            self._rests[method] = time.monotonic() + seconds
            return
        if status >= 500 or name in _PASSING or not name:
            raise Unavailable(f"Slack does not answer {method}: {name or status}") from error
        raise SlackRefused(method, name) from error
