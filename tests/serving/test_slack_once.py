"""Each question once and none lost: redeliveries, replicas, restarts, rate limits, and what breaks in between."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from groundwork.serving.slack import words
from groundwork.serving.slack.page import PERSON
from groundwork.serving.slack.worker import Worker
from tests.serving.api_fakes import QUESTION, SENTENCES
from tests.serving.slack_double import PEOPLE, PUBLIC
from tests.serving.slack_world import Office, opened


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


async def test_two_processes_answer_a_redelivered_event_once(office: Office) -> None:
    first, second = await office.bot(), await office.bot()
    mentions = [office.slack.mention(f"{QUESTION} {n}") for n in range(6)]
    await asyncio.gather(
        *(bot.send(each) for each in mentions for bot in (first, second, first)),
    )
    for each in mentions:
        await office.slack.answered(PUBLIC, each["event"]["ts"])
    await office.idle()
    assert len(office.answers()) == len(mentions)
    assert len(office.slack.messages) == len(mentions)
    await second.send(mentions[0], **{"X-Slack-Retry-Num": "1"})
    await office.idle()
    assert len(office.slack.messages) == len(mentions)


@pytest.mark.parametrize("killed", [True, False])
async def test_a_restart_midway_goes_on_with_the_message_that_is_there(
    tmp_path: Path, killed: bool
) -> None:
    async with opened(tmp_path, lease_seconds=0.4) as office:
        office.world.generator.hang_after = 1
        bot = await office.bot()
        mention = office.slack.mention(QUESTION)
        ts = mention["event"]["ts"]
        await bot.send(mention)
        waiting = office.slack.mention("And what waits?", thread_ts=ts)
        await bot.send(waiting)
        await office.slack.showing(PUBLIC, ts, SENTENCES[0])
        await (bot.kill() if killed else bot.stop())
        office.bots.clear()
        office.world.generator.hang_after = None
        await office.bot(lease_seconds=60)
        messages = await office.slack.answered(PUBLIC, ts, 2)
        await office.idle()
        assert len(messages) == 2
        assert len(office.slack.messages) == 2
        assert all(SENTENCES[1] in each.shown for each in messages)
        outcomes = sorted(each["outcome"] for each in office.answers())
        assert outcomes == ["answered", "answered"]
        # The first question's turn is remembered once.
        assert [len(history) for history in office.world.generator.histories] == [0, 0, 2]


async def test_a_process_that_lives_on_without_its_lease_says_nothing_more(tmp_path: Path) -> None:
    async with opened(tmp_path, lease_seconds=0.3) as office:
        office.world.generator.hang_after = 1
        stuck = await office.bot()
        mention = office.slack.mention(QUESTION)
        ts = mention["event"]["ts"]
        await stuck.send(mention)
        await office.slack.showing(PUBLIC, ts, SENTENCES[0])
        # It goes on running, but what it tells the inbox counts no more.
        stuck.intake._inbox.owner = "dead"
        office.world.generator.hang_after = None
        await office.bot(lease_seconds=60)
        await office.slack.answered(PUBLIC, ts)
        await office.idle()
        (message,) = office.slack.thread(PUBLIC, ts)
        assert SENTENCES[1] in message.shown


async def test_a_finished_answer_is_shown_again_not_asked_again(office: Office) -> None:
    office.slack.faults["chat.update"] = [(503, "service_unavailable")] * 3
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await office.slack.answered(PUBLIC, mention["event"]["ts"])
    await office.idle()
    assert SENTENCES[1] in message.shown
    assert len(office.answers()) == 1
    assert len(office.world.generator.histories) == 1


async def test_a_message_whose_answer_was_lost_is_not_posted_twice(office: Office) -> None:
    office.slack.faults["chat.postMessage"] = [(500, "behind")]
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    await office.slack.answered(PUBLIC, mention["event"]["ts"])
    await office.idle()
    assert len(office.slack.messages) == 1
    office.slack.faults["chat.postMessage"] = [(500, "behind")]
    await bot.send(office.slack.command(QUESTION))
    await office.slack.until(lambda: len(office.slack.messages) == 3)
    await office.slack.answered(PUBLIC, office.slack.messages[1].ts)
    await office.idle()
    assert len(office.slack.messages) == 3


async def test_a_hand_off_whose_answer_was_lost_asks_once(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    (message,) = await office.slack.answered(PUBLIC, ts)
    office.slack.faults["chat.postMessage"] = [(500, "behind")]
    office.slack.faults["reactions.add"] = [(500, "behind")]
    await bot.send(office.slack.pressed(message, PERSON))
    await office.idle()
    assert len([each for each in office.slack.messages if each.channel == PEOPLE]) == 1
    assert [each.text for each in office.slack.thread(PUBLIC, ts)[1:]] == [words.handed_off(PEOPLE)]
    assert len(office.slack.reactions) == 1


async def test_rate_limits_are_respected(office: Office) -> None:
    slack = office.slack
    slack.faults["chat.postMessage"] = [(429, 1)]
    slack.faults["chat.update"] = [(429, 1)]
    bot = await office.bot()
    mention = slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await slack.answered(PUBLIC, mention["event"]["ts"])
    for method in ("chat.postMessage", "chat.update"):
        refused, again, *_ = slack.times[method]
        assert again - refused >= 1
    assert message.history[-1] == message.shown
    assert len(office.answers()) == 1


async def test_updates_under_way_are_paced_over_all_messages(tmp_path: Path) -> None:
    async with opened(tmp_path, update_seconds=30) as office:
        bot = await office.bot()
        mentions = [office.slack.mention(QUESTION) for _ in range(4)]
        for each in mentions:
            await bot.send(each)
        for each in mentions:
            await office.slack.answered(PUBLIC, each["event"]["ts"])
        # One on the way, and the last one of each.
        assert office.slack.calls["chat.update"] <= 1 + len(mentions)


async def test_a_deleted_placeholder_is_left_deleted(office: Office) -> None:
    office.slack.faults["chat.update"] = [(200, "message_not_found")] * 5
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    await office.slack.until(lambda: office.slack.calls["chat.update"])
    await office.idle()
    assert len(office.slack.messages) == 1


async def test_long_answers_come_whole_and_once(office: Office) -> None:
    lines = [f"Sentence number {n} stands here." for n in range(700)]
    office.world.generator.sentences = SENTENCES
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await office.slack.answered(PUBLIC, mention["event"]["ts"])
    assert message.finished
    from groundwork.serving.slack.page import messages

    answer: dict[str, Any] = {
        "id": "a",
        "answer": "\n\n".join(lines),
        "citations": [],
        "budget": None,
    }
    texts = [
        block["text"]["text"]
        for _, blocks in messages(answer, thumbs=False, person=False)
        for block in blocks
    ]
    assert list(itertools.chain(*(text.split("\n\n") for text in texts))) == lines


async def test_a_worker_that_is_woken_and_stopped_at_once_stops(office: Office) -> None:
    bot = await office.bot()
    worker: Worker = bot.intake._wake.__self__  # type: ignore[attr-defined]
    running = asyncio.create_task(worker.run())
    # Until it waits for the next item.
    await asyncio.sleep(0.3)
    worker.wake()
    running.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({running})
    assert running.cancelled()
