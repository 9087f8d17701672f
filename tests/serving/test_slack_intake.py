"""What Slack sends: signatures, acknowledgement, Socket Mode, and the service around it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from groundwork.core.settings import SlackSettings
from groundwork.serving.app import create_app
from groundwork.serving.slack import words
from groundwork.serving.slack.page import UP
from tests.serving.api_fakes import QUESTION
from tests.serving.slack_double import PUBLIC, as_request, signed
from tests.serving.slack_world import Office, opened


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Signature": "v0=" + "0" * 64, "X-Slack-Request-Timestamp": "1"},
        {"secret": "another"},
        {"at": -301},
        {"at": 301},
    ],
)
async def test_what_slack_did_not_sign_now_is_refused(
    office: Office, headers: dict[str, Any]
) -> None:
    bot = await office.bot()
    body, kind = as_request(office.slack.mention(QUESTION))
    if "secret" in headers:
        headers = signed(body, headers["secret"])
    elif "at" in headers:
        headers = signed(body, at=time.time() + headers["at"])
    refused = await bot.post(body, {"Content-Type": kind, **headers})
    assert refused.status_code == 401
    assert office.slack.messages == []


async def test_a_signature_holds_for_its_own_body_only(office: Office) -> None:
    bot = await office.bot()
    body, kind = as_request(office.slack.mention(QUESTION))
    other, _ = as_request(office.slack.mention("Something else?"))
    refused = await bot.post(other, {"Content-Type": kind, **signed(body)})
    assert refused.status_code == 401


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b"{", b"[]", b"null"])
async def test_garbage_is_no_trouble(office: Office, body: bytes) -> None:
    bot = await office.bot()
    answer = await bot.post(body, {"Content-Type": "application/json", **signed(body)})
    assert answer.status_code < 500
    assert office.slack.messages == []


async def test_slacks_check_of_the_address_is_answered(office: Office) -> None:
    bot = await office.bot()
    answer = await bot.send({"type": "url_verification", "challenge": "abc", "token": "t"})
    assert "abc" in answer.text


async def test_events_are_acknowledged_while_answers_hang(office: Office) -> None:
    office.world.generator.hang_after = 0
    bot = await office.bot(concurrency=1)
    for _ in range(5):
        await bot.send(office.slack.mention(QUESTION))
    assert bot.intake._inbox.waiting() == 5


async def test_an_event_that_cannot_be_written_is_not_acknowledged_and_comes_again(
    office: Office,
) -> None:
    bot = await office.bot()
    mention = office.slack.mention(QUESTION)
    body, kind = as_request(mention)
    blocker = sqlite3.connect(office.settings.home / "ledger.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        refused = await bot.post(body, {"Content-Type": kind, **signed(body)})
        assert refused.status_code == 500
        assert time.monotonic() - began < 3
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    await bot.send(mention, **{"X-Slack-Retry-Num": "1"})
    await office.slack.answered(PUBLIC, mention["event"]["ts"])
    await office.idle()
    assert len(office.answers()) == 1


async def test_socket_mode_is_the_same_path(office: Office) -> None:
    slack = office.slack
    bot = await office.bot(mode="socket")
    await slack.until(lambda: slack.calls["apps.connections.open"])
    await slack.connected.wait()
    mention = slack.mention(QUESTION)
    await slack.push("events_api", mention, "e1")
    (message,) = await slack.answered(PUBLIC, mention["event"]["ts"])
    # Redelivered, and at once by the other way in.
    await slack.push("events_api", mention, "e2")
    await bot.send(mention)
    await slack.push("interactive", slack.pressed(message, UP), "e3")
    await slack.until(lambda: slack.whispers)
    await slack.push("slash_commands", slack.command(""), "e4")
    assert words.HELP in json.dumps(slack.acknowledged[-1])
    await office.idle()
    assert len(office.answers()) == 1
    assert [each["envelope_id"] for each in slack.acknowledged] == ["e1", "e2", "e3", "e4"]


async def test_the_service_answers_slack_beside_everything_else(office: Office) -> None:
    app = create_app(office.settings, office.world.services)
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
    async with app.router.lifespan_context(app), client:
        mention = office.slack.mention(QUESTION)
        body, kind = as_request(mention)
        answer = await client.post(
            "/slack/events", content=body, headers={"Content-Type": kind, **signed(body)}
        )
        assert answer.status_code == 200
        await office.slack.answered(PUBLIC, mention["event"]["ts"])
        assert (await client.post("/slack/events", content=body)).status_code == 401


async def test_without_a_token_there_is_no_slack(office: Office) -> None:
    async with office.world.client() as client:
        assert (await client.post("/slack/events", content=b"{}")).status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {"bot_token": "x"},
        {"bot_token": "x", "mode": "socket", "signing_secret": "y"},
        {"base_url": "https://slack.com/api"},
        {"command": "groundwork"},
    ],
)
def test_incomplete_settings_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlackSettings(**given)
