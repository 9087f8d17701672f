"""The bot over the fakes of the service and the double of Slack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from groundwork.core.settings import Settings, SlackSettings
from groundwork.serving.services import Services
from groundwork.serving.slack.app import add_route, running
from tests.serving.api_fakes import World, build_world
from tests.serving.slack_double import PEOPLE, SECRET, Slack, as_request, running_slack, signed


class Bot:
    """One process of the bot, reached by HTTP."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.settings, self.services = settings, services
        self.app = Starlette()
        add_route(self.app)
        self._undo = AsyncExitStack()

    async def start(self) -> None:
        self.intake = await self._undo.enter_async_context(running(self.settings, self.services))
        self.app.state.slack = self.intake

    async def stop(self) -> None:
        await self._undo.aclose()

    async def kill(self) -> None:
        """End it like a killed process: from now on nothing it does reaches the inbox."""
        self.intake._inbox.owner = "dead"
        await self.stop()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.post("/slack/events", content=body, headers=dict(headers))

    async def send(self, payload: Mapping[str, Any], **more: str) -> httpx.Response:
        body, kind = as_request(payload)
        answer = await self.post(body, {"Content-Type": kind, **signed(body), **more})
        assert answer.status_code == 200, answer.text
        return answer


class Office:
    """A world, Slack, and processes of the bot that share one database."""

    def __init__(self, world: World, slack: Slack, settings: Settings) -> None:
        self.world, self.slack, self.settings = world, slack, settings
        self.bots: list[Bot] = []

    async def bot(self, **slack: Any) -> Bot:
        """One more process."""
        changed = self.settings.slack.model_copy(update=slack)
        bot = Bot(self.settings.model_copy(update={"slack": changed}), self.world.services)
        await bot.start()
        self.bots.append(bot)
        return bot

    async def idle(self) -> None:
        """Until nothing waits in the inbox."""
        async with asyncio.timeout(15):
            while await asyncio.to_thread(self.bots[-1].intake._inbox.waiting):  # noqa: ASYNC110  # a database tells nobody
                await asyncio.sleep(0.02)

    def answers(self) -> list[dict[str, Any]]:
        return self.world.kept()


def slack_settings(base_url: str, **more: Any) -> SlackSettings:
    return SlackSettings(
        bot_token="xoxb-1",
        signing_secret=SECRET,
        app_token="xapp-1",
        base_url=base_url,
        hand_off_channel=PEOPLE,
        **{"update_seconds": 0.01, **more},
    )


@asynccontextmanager
async def opened(home: Path, **more: Any) -> AsyncIterator[Office]:
    async with running_slack() as slack:
        world = build_world(home)
        settings = world.settings.model_copy(
            update={"slack": slack_settings(slack.base_url, **more)}
        )
        office = Office(world, slack, settings)
        try:
            yield office
        finally:
            for bot in office.bots:
                await bot.stop()
            world.services.close()
            assert not slack.problems
