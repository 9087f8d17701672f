"""A question in Slack: placeholder, answer as it grows, answer as it is."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any

from groundwork.core.errors import GroundworkError, NotFound, Unavailable
from groundwork.core.telemetry import Trace
from groundwork.retrieval.index.base import Filter
from groundwork.serving.case import Question
from groundwork.serving.events import Delta, Done, Started
from groundwork.serving.questions import checked_question
from groundwork.serving.slack import words
from groundwork.serving.slack.desk import Desk
from groundwork.serving.slack.inbox import Item, LeaseLost
from groundwork.serving.slack.outbox import Outbox, SlackRefused
from groundwork.serving.slack.page import draft, messages
from groundwork.serving.slack.threads import Thread

_log = logging.getLogger("groundwork.slack")

# These answers are whole; others were cut and are made anew.
_WHOLE = frozenset({"answered", "abstained", "blocked"})
_FIRST = "0"


async def answer_question(item: Item, desk: Desk) -> None:
    """Answer in the thread, once. Raises Unavailable where Slack does not answer, LeaseLost, SlackRefused."""
    outbox = desk.outbox
    private = await outbox.is_private(item.channel, item.payload.get("channel_type"))
    await desk.note(item, private=private)
    thread = await _thread(item, desk)
    if thread is None:
        return
    if not item.payload["text"]:
        await desk.post_once(item, _FIRST, words.HELP, thread_ts=thread.ts)
        return
    ts = await desk.post_once(item, _FIRST, words.LOOKING, thread_ts=thread.ts)
    trace = Trace()
    try:
        kept = await _kept(item, desk) or await _written(item, desk, thread, trace)
    except (SlackRefused, LeaseLost):
        raise
    except GroundworkError as error:
        _log.warning("question %s failed: %s trace=%s", item.event_id, error.detail, trace.trace_id)
        await outbox.update(item.channel, ts, words.sorry(error, trace.trace_id))
        return
    except Exception:  # noqa: BLE001 -- the edge: told in the thread, logged with its id
        _log.exception("question %s failed unexpectedly trace=%s", item.event_id, trace.trace_id)
        await outbox.update(item.channel, ts, words.sorry(None, trace.trace_id))
        return
    await asyncio.to_thread(
        desk.threads.append, thread, kept["question"], kept["id"], kept["answer"]
    )
    await _show(item, desk, thread, kept)


async def _thread(item: Item, desk: Desk) -> Thread | None:
    """Where to answer; a slash command begins its thread with what was asked."""
    payload = item.payload
    ts = payload.get("thread_ts")
    if not ts:
        try:
            asked = words.asks(payload["user"], payload["text"])
            ts = await desk.post_once(item, "root", asked)
        except SlackRefused as error:
            if error.error not in {"not_in_channel", "channel_not_found", "is_archived"}:
                raise
            await _respond(payload["response_url"], words.NOT_A_MEMBER)
            return None
    return await asyncio.to_thread(
        desk.threads.begin, item.channel, ts, payload["team"], payload["user"]
    )


async def _respond(url: str, text: str) -> None:
    """By the address that came with a slash command: it works where the bot is no member."""
    from slack_sdk.webhook.async_client import AsyncWebhookClient

    if url:
        await AsyncWebhookClient(url, timeout=10).send(text=text, response_type="ephemeral")


async def _kept(item: Item, desk: Desk) -> dict[str, Any] | None:
    """The answer that was finished before this process began. One that was cut is deleted: nobody will read it."""
    if not item.answer_id:
        return None
    store = desk.services.store
    try:
        found = await asyncio.to_thread(store.get, item.answer_id)
    except NotFound:
        return None
    if found["outcome"] in _WHOLE:
        return found
    await asyncio.to_thread(store.delete, item.answer_id)
    return None


async def _written(item: Item, desk: Desk, thread: Thread, trace: Trace) -> dict[str, Any]:
    """A new answer, shown while it grows."""
    question = await asyncio.to_thread(_question, item, desk, thread)
    live = _Live(desk.outbox, item.channel, item.posted[_FIRST])
    text = ""
    try:
        async with aclosing(desk.services.assistants.answer(question, trace)) as events:
            async for event in events:
                if isinstance(event, Started):
                    item.answer_id = event.id
                    await desk.note(item)
                elif isinstance(event, Delta):
                    text += event.text
                    live.show(text)
                elif isinstance(event, Done):
                    desk.services.metrics.answered(event.answer)
                    return event.answer.to_dict()
    finally:
        await live.stop()
    raise AssertionError("an answer always ends in Done")


def _question(item: Item, desk: Desk, thread: Thread) -> Question:
    settings, here = desk.settings, desk.channel(item.channel)
    conversation = desk.threads.read(thread)
    versions = here.product_version
    return Question(
        text=checked_question(item.payload["text"], settings.service.max_question_chars),
        index=here.index or settings.slack.index or settings.index.default,
        history=conversation.history() if conversation is not None else (),
        where=Filter(version=versions) if versions else None,
        caller=desk.caller(item.payload["user"], item.channel),
    )


async def _show(item: Item, desk: Desk, thread: Thread, kept: dict[str, Any]) -> None:
    slack = desk.settings.slack
    pages = messages(kept, thumbs=slack.thumbs, person=slack.hand_off_channel is not None)
    (text, blocks), *more = pages
    try:
        await desk.outbox.update(item.channel, item.posted[_FIRST], text, blocks)
    except SlackRefused as error:
        # Somebody deleted it: they want no answer there.
        if error.error != "message_not_found":
            raise
        return
    for n, (text, blocks) in enumerate(more, start=1):
        await desk.post_once(item, str(n), text, blocks, thread_ts=thread.ts)


class _Live:
    """Updates of an answer under way: never two at once, never waited for, none behind `stop`."""

    def __init__(self, outbox: Outbox, channel: str, ts: str) -> None:
        self._outbox = outbox
        self._channel = channel
        self._ts = ts
        self._sending: asyncio.Task[None] | None = None

    def show(self, text: str) -> None:
        """Show this much, if it is time."""
        busy = self._sending is not None and not self._sending.done()
        if not busy and text.strip() and self._outbox.may_update():
            self._sending = asyncio.create_task(self._send(draft(text)))

    async def stop(self) -> None:
        """Wait until no update is under way that could come behind the last one."""
        if self._sending is not None:
            await self._sending

    async def _send(self, text: str) -> None:
        # The finished answer will say it all.
        with suppress(Unavailable, SlackRefused):
            await self._outbox.update(self._channel, self._ts, text, patient=False)
