"""The bot: wired from the services, run beside the HTTP service or as a process of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from groundwork.core.errors import NotFound, Unavailable
from groundwork.core.metering.database import open_engine
from groundwork.core.settings import Settings
from groundwork.serving.readiness import Readiness
from groundwork.serving.services import Services
from groundwork.serving.slack.desk import Desk
from groundwork.serving.slack.inbox import Inbox
from groundwork.serving.slack.intake import Intake, secret
from groundwork.serving.slack.outbox import Outbox, SlackRefused
from groundwork.serving.slack.review import ReviewQueue
from groundwork.serving.slack.threads import Threads
from groundwork.serving.slack.worker import Worker

if TYPE_CHECKING:
    from starlette.applications import Starlette

_log = logging.getLogger("groundwork.slack")
PATH = "/slack/events"
_FORGET_EVERY_SECONDS = 3600.0


def add_route(app: Starlette) -> None:
    """Where Slack sends events, commands and pressed buttons. They are signed; nothing else is answered."""
    app.router.routes.append(Route(PATH, _endpoint, methods=["POST"]))


async def _endpoint(request: Request) -> Response:
    from slack_bolt.adapter.starlette.async_handler import to_starlette_response
    from slack_bolt.async_app import AsyncBoltRequest

    intake: Intake | None = getattr(request.app.state, "slack", None)
    if intake is None:
        raise NotFound("the Slack app is not running here")
    body = await request.body()
    try:
        asked = AsyncBoltRequest(
            body=body.decode(), query=request.url.query, headers=dict(request.headers)
        )
    except (ValueError, TypeError, AttributeError):
        # It is read before its signature is looked at: neither JSON nor an object.
        return Response(status_code=400)
    return to_starlette_response(await intake.app.async_dispatch(asked))


@asynccontextmanager
async def running(settings: Settings, services: Services) -> AsyncIterator[Intake]:
    """The bot at work, with a Socket Mode connection where the settings say so; yields what takes events in."""
    slack = settings.slack
    engine = open_engine(settings.ledger_url)
    async with AsyncExitStack() as undo:
        undo.callback(engine.dispose)
        queue = await asyncio.to_thread(ReviewQueue, engine)
        threads = Threads(engine, services.conversations)
        inbox = Inbox(engine, slack.lease_seconds)
        outbox = _outbox(settings)
        desk = Desk(settings, services, inbox, outbox, threads, queue)
        worker = Worker(desk)
        intake = Intake(slack, inbox, threads, worker.wake)
        for work in (worker.run(), _forget(desk), _greet(outbox)):
            task = asyncio.create_task(work)
            task.add_done_callback(_report)
            undo.push_async_callback(_stop, task)
        if slack.mode == "socket":
            await undo.enter_async_context(_socket(intake, secret(slack.app_token)))
        yield intake


@asynccontextmanager
async def _socket(intake: Intake, app_token: str) -> AsyncIterator[None]:
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

    handler = AsyncSocketModeHandler(intake.app, app_token, ping_interval=5)
    # Goes on trying where Slack cannot be reached.
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    connecting.add_done_callback(_report)
    try:
        yield
    finally:
        await _stop(connecting)
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _greet(outbox: Outbox) -> None:
    try:
        me = await outbox.identify()
        _log.info("Slack: %s in %s", me.get("user"), me.get("team"))
    except SlackRefused as error:
        _log.error("Slack does not know the bot: %s", error.detail)
    except Unavailable as error:
        _log.warning("Slack cannot be reached yet: %s", error.detail)


async def whose_token(settings: Settings) -> str:
    """Whose bot the settings name, for people. Raises SlackRefused or Unavailable."""
    me = await _outbox(settings).identify()
    return f"{me.get('user')} in {me.get('team')}, mode {settings.slack.mode}"


def _outbox(settings: Settings) -> Outbox:
    return Outbox.open(settings.slack)


async def _forget(desk: Desk) -> None:
    keep = desk.settings.slack.keep_private_days
    while True:
        try:
            gone = await asyncio.to_thread(desk.threads.forget_private, desk.services.store, keep)
            await asyncio.to_thread(desk.threads.forget_rows)
        except Unavailable as error:
            _log.warning("what is old in Slack could not be deleted: %s", error.detail)
        else:
            if gone:
                _log.info("deleted %d answers of private places older than %d days", gone, keep)
        await asyncio.sleep(_FORGET_EVERY_SECONDS)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the Slack app failed", exc_info=error)


def standalone(settings: Settings) -> Starlette:
    """The bot as a service of its own: Slack's path and a sign of life, nothing else."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse

    from groundwork.serving.releases.following import following
    from groundwork.serving.services import build_services

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services = await asyncio.to_thread(build_services, settings, watched=True)
        try:
            await services.greet_engines()
            readiness = Readiness(services, settings.index.default)
            warming = asyncio.create_task(asyncio.to_thread(readiness.warm))
            warming.add_done_callback(_report)
            follows = following(settings, services)
            if follows is not None:
                follows.start()
            if services.monitoring is not None:
                # The service looks at drift; here traces are sent and observations kept.
                services.monitoring.tracer.start()
                services.monitoring.monitors.start()
            async with running(settings, services) as intake:
                app.state.slack = intake
                yield
            await services.assistants.aclose()
            if follows is not None:
                await asyncio.to_thread(follows.close)
            await services.close_engines()
        finally:
            await asyncio.to_thread(services.close)

    async def alive(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    app = Starlette(routes=[Route("/healthz", alive)], lifespan=lifespan)
    if settings.slack.mode == "http":
        add_route(app)
    return app
