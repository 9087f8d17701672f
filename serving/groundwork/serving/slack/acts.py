"""What people do with answers: judge them, ask for a person, propose them; and how a new thread is greeted."""

from __future__ import annotations

import asyncio
import logging

from groundwork.core.errors import NotFound
from groundwork.core.metering.directory import SLACK_PREFIX
from groundwork.serving.slack import words
from groundwork.serving.slack.desk import Desk
from groundwork.serving.slack.inbox import Item
from groundwork.serving.slack.outbox import SlackRefused
from groundwork.serving.slack.page import RATINGS
from groundwork.serving.slack.review import Proposal
from groundwork.serving.store import AnswerStore

_log = logging.getLogger("groundwork.slack")

_HANDED_OFF = "raising_hand"
_PROMPTS = (
    ("What can I ask?", "What is this documentation about?"),
    ("Where do I begin?", "How do I get started?"),
)


async def judge(item: Item, desk: Desk) -> None:
    """A thumb, or a wrong source: feedback on the answer, as over HTTP."""
    rating, reason = RATINGS[item.payload["action"]]
    comment = f"{SLACK_PREFIX}{item.payload['user']}" + (f": {reason}" if reason else "")
    said = words.THANKS
    try:
        await asyncio.to_thread(
            _judge, desk.services.store, item.payload["answer_id"], rating, comment
        )
        desk.services.metrics.judged(rating)
    except NotFound:
        said = words.FORGOTTEN
    await desk.whisper(item, said, item.payload["thread_ts"])


def _judge(store: AnswerStore, answer_id: str, rating: str, comment: str) -> None:
    given = {(each["rating"], each["comment"]) for each in store.feedback(answer_id)}
    # A process may have died between this and the end of its item.
    if (rating, comment) not in given:
        store.add_feedback(answer_id, rating, comment)


async def hand_off(item: Item, desk: Desk) -> None:
    """Ask a person in the channel that is set, and say so in the thread."""
    target = desk.settings.slack.hand_off_channel
    ts, user = item.payload["thread_ts"], item.payload["user"]
    thread = await asyncio.to_thread(desk.threads.find, item.channel, ts)
    if target is None or thread is None:
        await desk.whisper(item, words.NO_PERSON, ts)
        return
    if thread.handed_off and not item.posted:
        await desk.whisper(item, words.ASKED_ALREADY, ts)
        return
    question = ""
    if not await desk.outbox.is_private(item.channel):
        question = await asyncio.to_thread(_asked, desk.services.store, item.payload["answer_id"])
    link = await desk.outbox.permalink(item.channel, ts)
    asking = words.needs_a_person(user, link, question)
    try:
        await desk.post_once(item, "person", asking, channel=target)
    except SlackRefused as error:
        _log.error("nobody could be asked in %s: %s", target, error.detail)
        await desk.whisper(item, words.NO_PERSON, ts)
        return
    await asyncio.to_thread(desk.threads.hand_off, thread)
    await desk.post_once(item, "told", words.handed_off(target), thread_ts=ts)
    await desk.outbox.react(item.channel, ts, _HANDED_OFF)


def _asked(store: AnswerStore, answer_id: str) -> str:
    try:
        return str(store.get(answer_id)["question"])
    except NotFound:
        return ""


async def propose(item: Item, desk: Desk) -> None:
    """Put a thread into the review queue, where the reaction is on one of the bot's."""
    found = await asyncio.to_thread(desk.inbox.answered_at, item.channel, item.payload["ts"])
    if found is None:
        return
    ts = found.thread.partition(":")[2]
    if found.private:
        await desk.whisper(item, words.NOT_FROM_HERE, ts)
        return
    thread = await asyncio.to_thread(desk.threads.find, item.channel, ts)
    conversation = None
    if thread is not None:
        conversation = await asyncio.to_thread(desk.threads.read, thread)
    if conversation is None:
        await desk.whisper(item, words.FORGOTTEN, ts)
        return
    proposal = Proposal(
        source=f"{SLACK_PREFIX}{item.channel}:{ts}",
        link=await desk.outbox.permalink(item.channel, ts),
        proposed_by=f"{SLACK_PREFIX}{item.payload['user']}",
        turns=conversation.turns,
    )
    await asyncio.to_thread(desk.queue.add, proposal)
    await desk.whisper(item, words.PROPOSED, ts)


async def greet(item: Item, desk: Desk) -> None:
    """A new assistant thread: say what this is for."""
    ts = item.payload["thread_ts"]
    await desk.post_once(item, "hello", words.HELP, thread_ts=ts)
    prompts = [{"title": title, "message": message} for title, message in _PROMPTS]
    await desk.outbox.suggest(item.channel, ts, prompts)
