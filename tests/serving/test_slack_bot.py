"""The bot end to end against the double of Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.serving.api_fakes import QUESTION, SENTENCES
from tests.serving.slack_double import PUBLIC
from tests.serving.slack_world import Office, opened


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


async def test_a_mention_is_answered_in_its_thread_with_sources_and_buttons(office: Office) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    await bot.send(mention)
    ts = mention["event"]["ts"]
    await office.slack.until(lambda: any(each.blocks for each in office.slack.thread(PUBLIC, ts)))
    (message,) = office.slack.thread(PUBLIC, ts)
    assert message.history[0] == "Looking it up…"
    for sentence in SENTENCES:
        assert sentence in message.shown
    assert (
        "<https://docs.example.com/guides/indexes#rollback|Index versions › Rollback>"
        in message.shown
    )
