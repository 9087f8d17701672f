"""What Slack sends, by HTTP or Socket Mode: checked, made small, written into the inbox, then acknowledged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from groundwork.core.settings import SlackSettings
from groundwork.serving.slack.escape import plain
from groundwork.serving.slack.inbox import Entry, Inbox, Kind
from groundwork.serving.slack.page import PERSON, RATINGS
from groundwork.serving.slack.threads import Threads
from groundwork.serving.slack.words import HELP

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

# Slack wants an answer within 3 seconds, and sends again what got none.
_WRITE_SECONDS = 2.5
# Messages that a person wrote; all other subtypes are edits, joins and what programs post.
_WRITTEN = frozenset({None, "thread_broadcast", "file_share"})
EVENTS = ("app_mention", "message", "reaction_added", "assistant_thread_started")

Body = Mapping[str, Any]
Ack = Callable[..., Awaitable[Any]]


class Intake:
    """`app` is Bolt's: it checks signatures and tells events apart. Nothing is answered here."""

    def __init__(
        self, settings: SlackSettings, inbox: Inbox, threads: Threads, wake: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._threads = threads
        self._wake = wake
        self.app = _bolt(settings)
        self.app.event("app_mention")(self._on_mention)
        self.app.event("message")(self._on_message)
        self.app.event("reaction_added")(self._on_reaction)
        self.app.event("assistant_thread_started")(self._on_thread_started)
        # What else somebody subscribed the app to is nothing to us.
        self.app.event(re.compile(".*"))(_on_other)
        self.app.command(settings.command)(self._on_command)
        for action in (*RATINGS, PERSON):
            self.app.action(action)(self._on_button)

    async def _on_mention(self, body: Body) -> None:
        event = body["event"]
        if _by_a_person(event):
            await self._put(_question(body, event, event.get("thread_ts") or event["ts"]))

    async def _on_message(self, body: Body) -> None:
        event = body["event"]
        if not _by_a_person(event):
            return
        if event.get("channel_type") == "im":
            await self._put(_question(body, event, event.get("thread_ts") or event["ts"]))
        elif event.get("thread_ts") and await self._is_follow_up(event):
            await self._put(_question(body, event, event["thread_ts"]))

    async def _is_follow_up(self, event: Body) -> bool:
        """Only the asker's own words to nobody else; a mention comes as an event of its own."""
        if not self._settings.follow_ups or "<@" in event.get("text", ""):
            return False
        async with asyncio.timeout(_WRITE_SECONDS):
            thread = await asyncio.to_thread(
                self._threads.find, event["channel"], event["thread_ts"]
            )
        return thread is not None and not thread.handed_off and thread.asker == event["user"]

    async def _on_reaction(self, body: Body) -> None:
        event = body["event"]
        item = event.get("item") or {}
        if event["reaction"] != self._settings.golden_reaction or item.get("type") != "message":
            return
        payload = {"user": event["user"], "ts": item["ts"]}
        subject = f"star:{item['channel']}:{item['ts']}:{event['user']}"
        await self._put(
            Entry(body["event_id"], subject, "propose", _team(body), item["channel"], payload)
        )

    async def _on_thread_started(self, body: Body) -> None:
        thread = body["event"]["assistant_thread"]
        channel, ts = thread["channel_id"], thread["thread_ts"]
        payload = {"user": thread["user_id"], "thread_ts": ts}
        subject = f"greet:{channel}:{ts}"
        await self._put(
            Entry(body["event_id"], subject, "greet", _team(body), channel, payload, ts)
        )

    async def _on_command(self, body: Body, ack: Ack) -> None:
        text = plain(body.get("text", ""))
        if not text or text.lower() == "help":
            await ack(text=HELP)
            return
        channel, trigger = body["channel_id"], body["trigger_id"]
        payload = {
            "user": body["user_id"],
            "text": text,
            "command": True,
            "response_url": body.get("response_url", ""),
        }
        # A person may ask the same twice; Slack does not send commands again.
        await self._put(
            Entry(f"cmd:{trigger}", f"cmd:{trigger}", "question", _team(body), channel, payload)
        )
        await ack()

    async def _on_button(self, body: Body, ack: Ack) -> None:
        action, message = body["actions"][0], body["message"]
        channel, ts, user = body["channel"]["id"], message["ts"], body["user"]["id"]
        thread_ts = message.get("thread_ts") or ts
        payload = {
            "user": user,
            "thread_ts": thread_ts,
            "answer_id": action["value"],
            "action": action["action_id"],
        }
        # Pressing it again says nothing new.
        subject = f"act:{channel}:{ts}:{user}:{action['action_id']}"
        kind: Kind = "hand_off" if action["action_id"] == PERSON else "feedback"
        event_id = f"{subject}:{body.get('trigger_id', '')}"[:128]
        await self._put(Entry(event_id, subject, kind, _team(body), channel, payload, thread_ts))
        await ack()

    async def _put(self, entry: Entry) -> None:
        # Where it takes too long or fails, Slack gets an error and sends it again.
        async with asyncio.timeout(_WRITE_SECONDS):
            new = await asyncio.to_thread(self._inbox.put, entry)
        if new:
            self._wake()


async def _on_other(body: Body) -> None:
    del body


def _bolt(settings: SlackSettings) -> AsyncApp:
    import logging

    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult
    from slack_sdk.web.async_client import AsyncWebClient

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Asking Slack would delay the acknowledgement; a listener here calls nothing anyway.
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=secret(settings.bot_token)
        )

    return AsyncApp(
        name="groundwork",
        logger=logging.getLogger("groundwork.slack.bolt"),
        signing_secret=secret(settings.signing_secret),
        client=AsyncWebClient(base_url=settings.base_url, timeout=10, retry_handlers=[]),
        authorize=authorize,
        # Written first, acknowledged then.
        process_before_response=True,
    )


def secret(value: Any) -> str:
    """A secret's value; "" where it is unset."""
    return value.get_secret_value() if value is not None else ""


def _by_a_person(event: Body) -> bool:
    """Never the bot itself, nor any other."""
    if event.get("bot_id") or event.get("bot_profile") or event.get("hidden"):
        return False
    user = event.get("user")
    return bool(user) and user != "USLACKBOT" and event.get("subtype") in _WRITTEN


def _question(body: Body, event: Body, thread_ts: str) -> Entry:
    channel, ts = event["channel"], event["ts"]
    payload = {
        "user": event["user"],
        "text": plain(event.get("text", ""), _bot_of(body)),
        "thread_ts": thread_ts,
        "channel_type": event.get("channel_type"),
    }
    subject = f"msg:{channel}:{ts}"
    return Entry(body["event_id"], subject, "question", _team(body), channel, payload, thread_ts)


def _bot_of(body: Body) -> str:
    """The user id that mentions of the bot have."""
    bots = [each for each in body.get("authorizations") or [] if each.get("is_bot")]
    return str(bots[0].get("user_id", "")) if bots else ""


def _team(body: Body) -> str:
    team = body.get("team_id") or body.get("team") or ""
    return str(team.get("id", "")) if isinstance(team, dict) else str(team)
