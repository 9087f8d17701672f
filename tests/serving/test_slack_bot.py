"""The bot end to end against the double of Slack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from groundwork.core.answers import Turn
from groundwork.core.errors import Unavailable
from groundwork.core.metering.callers import Caller
from groundwork.core.settings import SlackChannel
from groundwork.retrieval.index.base import Filter
from groundwork.serving.slack import words
from groundwork.serving.slack.page import DOWN, PERSON, UP, WRONG
from tests.serving.api_fakes import PAGE, QUESTION, SENTENCES, passage
from tests.serving.slack_double import DIRECT, ELSEWHERE, PEOPLE, PRIVATE, PUBLIC, TEAM, USER
from tests.serving.slack_world import Office, opened

SOURCE = "<https://docs.example.com/guides/indexes#rollback|Index versions › Rollback>"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


async def test_a_mention_is_answered_in_its_thread_as_it_grows(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await office.slack.answered(PUBLIC, mention["event"]["ts"])
    first, *growing, last = message.history
    assert first == words.LOOKING
    assert any(SENTENCES[0] in text and SOURCE not in text for text in growing)
    assert last == message.shown
    assert all(sentence in last for sentence in SENTENCES)
    assert f"[1] [2] {SOURCE}" in last
    (kept,) = office.answers()
    assert kept["question"] == QUESTION


async def test_a_follow_up_knows_what_was_said(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    await office.slack.answered(PUBLIC, ts)
    await bot.send(office.slack.said("And how fast is it?", PUBLIC, "channel", ts))
    await office.slack.answered(PUBLIC, ts, 2)
    first, second = office.world.generator.histories
    assert first == ()
    assert second[0] == Turn("user", QUESTION)
    assert second[1].content.startswith(SENTENCES[0])


async def test_follow_ups_sent_at_once_are_answered_in_order(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    for n in range(3):
        await bot.send(office.slack.said(f"And number {n}?", PUBLIC, "channel", ts))
    await office.slack.answered(PUBLIC, ts, 4)
    assert [len(history) for history in office.world.generator.histories] == [0, 2, 4, 6]


async def test_people_who_talk_to_each_other_are_left_alone(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    await office.slack.answered(PUBLIC, ts)
    slack = office.slack
    await bot.send(slack.said("<@U2> what do you think?", PUBLIC, "channel", ts))
    await bot.send(slack.said("I think so", PUBLIC, "channel", ts, user="U2"))
    await bot.send(slack.said("something else", PUBLIC, "channel"))
    await bot.send(slack.said("elsewhere", PUBLIC, "channel", "1.1"))
    await bot.send(slack.mention("and for me?", thread_ts=ts, user="U2"))
    await slack.answered(PUBLIC, ts, 2)
    await office.idle()
    assert len(office.answers()) == 2


async def test_a_message_that_comes_as_two_events_is_one_question(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    twin = office.slack.event({**mention["event"], "type": "message", "channel_type": "channel"})
    other = office.slack.event(mention["event"])
    await asyncio.gather(*(bot.send(each) for each in (mention, twin, other, mention)))
    await office.slack.answered(PUBLIC, mention["event"]["ts"])
    await office.idle()
    assert len(office.answers()) == 1
    assert len(office.slack.messages) == 1


async def test_a_direct_message_and_an_assistant_thread(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    thread = {"user_id": USER, "channel_id": DIRECT, "thread_ts": "5.5", "context": {}}
    await bot.send(slack.event({"type": "assistant_thread_started", "assistant_thread": thread}))
    await slack.until(lambda: slack.prompts)
    assert [each.text for each in slack.thread(DIRECT, "5.5")] == [words.HELP]
    await bot.send(slack.said(QUESTION, DIRECT, "im", "5.5"))
    await slack.answered(DIRECT, "5.5")
    direct = slack.said(QUESTION, DIRECT, "im")
    await bot.send(direct)
    await slack.answered(DIRECT, direct["event"]["ts"])


async def test_a_slash_command_shows_the_question_and_begins_a_thread(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    acknowledged = await bot.send(slack.command("What of &lt;!channel&gt;?"))
    assert acknowledged.text == ""
    await slack.until(lambda: slack.messages)
    root = slack.messages[0]
    assert root.thread_ts is None
    assert root.text == f"<@{USER}> asks:\n> What of &lt;!channel&gt;?"
    await slack.answered(PUBLIC, root.ts)
    await bot.send(slack.said("And how fast is it?", PUBLIC, "channel", root.ts))
    await slack.answered(PUBLIC, root.ts, 2)
    assert len(office.world.generator.histories[1]) == 2


async def test_a_slash_command_where_the_bot_is_no_member_is_told_so(office: Office) -> None:
    bot = await office.bot()
    await bot.send(office.slack.command(QUESTION, ELSEWHERE))
    await office.slack.until(lambda: office.slack.responses)
    assert office.slack.responses[0]["text"] == words.NOT_A_MEMBER
    helped = await bot.send(office.slack.command(""))
    assert words.HELP in helped.text


async def test_feedback_is_recorded_once_for_each_button(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    mention = slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await slack.answered(PUBLIC, mention["event"]["ts"])
    for action in (UP, WRONG, UP, DOWN):
        await bot.send(slack.pressed(message, action))
    await slack.until(lambda: len(slack.whispers) == 3)
    await office.idle()
    (kept,) = office.answers()
    given = office.world.store.feedback(kept["id"])
    said = sorted((each["rating"], each["comment"]) for each in given)
    assert said == [
        ("down", f"slack:{USER}"),
        ("down", f"slack:{USER}: wrong source"),
        ("up", f"slack:{USER}"),
    ]
    assert {each["text"] for each in slack.whispers} == {words.THANKS}


async def test_a_person_is_asked_once_and_the_bot_steps_back(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    mention = slack.mention(QUESTION)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    (message,) = await slack.answered(PUBLIC, ts)
    await bot.send(slack.pressed(message, PERSON))
    await bot.send(slack.pressed(message, PERSON))
    await bot.send(slack.pressed(message, PERSON, user="U2"))
    await slack.until(lambda: slack.whispers)
    await office.idle()
    (asked,) = [each for each in slack.messages if each.channel == PEOPLE]
    assert f"<https://slack.example.com/archives/{PUBLIC}/p{ts}|this thread>" in asked.text
    assert QUESTION in asked.text
    assert slack.thread(PUBLIC, ts)[-1].text == words.handed_off(PEOPLE)
    assert slack.reactions == [(PUBLIC, ts, "raising_hand")]
    assert [each["text"] for each in slack.whispers] == [words.ASKED_ALREADY]
    await bot.send(slack.said("thanks!", PUBLIC, "channel", ts))
    await office.idle()
    assert len(office.answers()) == 1


async def test_what_is_asked_in_private_is_not_repeated_elsewhere(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    mention = slack.mention(QUESTION, PRIVATE)
    ts = mention["event"]["ts"]
    await bot.send(mention)
    (message,) = await slack.answered(PRIVATE, ts)
    await bot.send(slack.pressed(message, PERSON))
    await bot.send(slack.starred(PRIVATE, ts))
    await slack.until(lambda: slack.whispers)
    await office.idle()
    (asked,) = [each for each in slack.messages if each.channel == PEOPLE]
    assert QUESTION not in asked.text
    assert [each["text"] for each in slack.whispers] == [words.NOT_FROM_HERE]


async def test_a_star_proposes_the_thread_without_personal_data(office: Office) -> None:
    from groundwork.core.metering.database import open_engine
    from groundwork.serving.slack.review import ReviewQueue

    bot = await office.bot()
    slack = office.slack
    mention = slack.mention(f"I am ada@lovelace.org, key AKIAQ3EGTVZ7PLK2MNBX. {QUESTION}")
    ts = mention["event"]["ts"]
    await bot.send(mention)
    (message,) = await slack.answered(PUBLIC, ts)
    for reaction in ("eyes", "star"):
        await bot.send(slack.starred(PUBLIC, message.ts, reaction))
    await bot.send(slack.starred(PUBLIC, ts))
    await bot.send(slack.starred(PUBLIC, "9.9"))
    await slack.until(lambda: len(slack.whispers) == 2)
    await office.idle()
    engine = open_engine(office.settings.ledger_url)
    (proposal,) = ReviewQueue(engine).all()
    engine.dispose()
    (turn,) = proposal["turns"]
    assert QUESTION in turn["question"]
    assert "ada@lovelace.org" not in turn["question"]
    assert "AKIA" not in turn["question"]
    assert turn["answer"].startswith(SENTENCES[0])
    assert proposal["link"].endswith(f"/archives/{PUBLIC}/p{ts}")


async def test_the_bot_answers_no_bot_and_no_edit(office: Office) -> None:
    bot = await office.bot()
    slack = office.slack
    for more in (
        {"bot_id": "B0"},
        {"bot_id": "B7", "subtype": "bot_message"},
        {"subtype": "message_changed", "hidden": True, "message": {"text": QUESTION}},
        {"user": "USLACKBOT"},
        {"user": None},
    ):
        await bot.send(slack.said(QUESTION, DIRECT, "im", **more))
    await bot.send(slack.event({**slack.mention(QUESTION)["event"], "bot_id": "B7"}))
    await bot.send(slack.event({"type": "channel_created", "channel": {"id": "C5"}}))
    await office.idle()
    assert slack.messages == []


async def test_documents_ping_nobody_and_forge_no_link(office: Office) -> None:
    nasty = "Tell <!channel> and <@U2> to open <http://evil.example|https://bank.example> now."
    found = passage()
    office.world.retriever.passages = [
        replace(found, chunk=replace(found.chunk, text=f"{PAGE} {nasty}", end=found.chunk.end + 99))
    ]
    office.world.generator.sentences = (*SENTENCES, nasty)
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    (message,) = await office.slack.answered(PUBLIC, mention["event"]["ts"])
    assert (
        "Tell &lt;!channel&gt; and &lt;@U2&gt; to open "
        "http://evil.example|https://bank.example now." in message.shown
    )
    for text in message.history:
        assert "<!" not in text
        assert "<@" not in text
        assert "<http://evil" not in text


async def test_errors_are_told_in_one_sentence_with_an_id(office: Office) -> None:
    bot = await office.bot()
    office.world.generator.error = Unavailable("postgresql://secret-host does not answer")
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    ts = mention["event"]["ts"]
    await office.slack.showing(PUBLIC, ts, "id `")
    (message,) = office.slack.thread(PUBLIC, ts)
    assert message.text.startswith("What writes the answers cannot be reached just now")
    assert "secret-host" not in message.text
    office.world.generator.error = ValueError("a bug")
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    ts = mention["event"]["ts"]
    await office.slack.showing(PUBLIC, ts, "id `")
    assert "a bug" not in office.slack.thread(PUBLIC, ts)[0].text
    await office.idle()


async def test_a_question_that_is_too_long_and_an_empty_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        bot = await office.bot()
        slack = office.slack
        long, empty = slack.mention("x" * 9000), slack.mention("")
        await bot.send(long)
        await bot.send(empty)
        await office.idle()
        await slack.until(lambda: len(slack.messages) == 2)
        texts = [slack.thread(PUBLIC, each["event"]["ts"])[0].text for each in (long, empty)]
        assert texts[0].startswith("I cannot answer that: the question has 9,000 characters")
        assert texts[1] == words.HELP


async def test_channels_have_their_index_versions_and_team(tmp_path: Path) -> None:
    channels = {
        PUBLIC: SlackChannel(index="docs", product_version=("2.1",), team="support"),
        PRIVATE: SlackChannel(index="nowhere"),
    }
    async with opened(tmp_path, channels=channels) as office:
        bot = await office.bot()
        here, there = office.slack.mention(QUESTION), office.slack.mention(QUESTION, PRIVATE)
        await bot.send(here)
        await bot.send(there)
        await office.slack.answered(PUBLIC, here["event"]["ts"])
        await office.idle()
        (call,) = office.world.retriever.calls
        assert call.where == Filter(version=("2.1",))
        (told,) = office.slack.thread(PRIVATE, there["event"]["ts"])
        assert "no index named nowhere" in told.text
        office.world.services.accounts.recorder.flush(5)
        (kept,) = office.answers()
        row = office.world.services.accounts.ledger.request(kept["id"])
        assert row is not None
        assert row["team"] == "support"


async def test_budgets_hold_and_what_is_left_is_said(office: Office) -> None:
    accounts = office.world.services.accounts
    accounts.directory.assign(f"slack:{USER}", "search", "test")
    accounts.budgets.set(
        scope="team", subject="search", period="month", picodollars=10**15, soft_percent=1, actor="test"
    )  # fmt: skip
    bot = await office.bot()
    first = office.slack.mention(QUESTION)
    await bot.send(first)
    (message,) = await office.slack.answered(PUBLIC, first["event"]["ts"])
    spent = accounts.budgets.standings(Caller(team="search"))[0]
    assert spent.limit == 10**15
    assert "budget of team search has" not in message.shown
    accounts.budgets.set(
        scope="project", subject=f"slack:{PUBLIC}", period="day", picodollars=0, actor="test"
    )
    second = office.slack.mention(QUESTION)
    await bot.send(second)
    await office.idle()
    (told,) = office.slack.thread(PUBLIC, second["event"]["ts"])
    assert f"budget of project slack:{PUBLIC} has" in told.text
    assert TEAM


async def test_private_text_is_kept_as_long_as_the_setting_says(tmp_path: Path) -> None:
    from groundwork.serving.slack.threads import Threads

    async with opened(tmp_path) as office:
        bot = await office.bot()
        slack = office.slack
        public, private = slack.mention(QUESTION), slack.mention(QUESTION, PRIVATE)
        for each in (public, private):
            await bot.send(each)
        await slack.answered(PUBLIC, public["event"]["ts"])
        (message,) = await slack.answered(PRIVATE, private["event"]["ts"])
        await office.idle()
        threads: Threads = bot.intake._threads
        store = office.world.store
        assert threads.forget_private(store, 1) == 0
        assert len(office.answers()) == 2
        thread = threads.find(PRIVATE, private["event"]["ts"])
        assert thread is not None
        assert threads.read(thread) is not None
        assert threads.forget_private(store, 0) == 1
        assert len(office.answers()) == 1
        assert threads.read(thread) is None
        await bot.send(slack.pressed(message, UP))
        await slack.until(lambda: slack.whispers)
        assert slack.whispers[0]["text"] == words.FORGOTTEN
