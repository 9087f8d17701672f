"""The composition root of the service."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from groundwork.core.errors import ConfigurationError
from groundwork.core.metering.keys import Keys
from groundwork.core.metering.ledger import Ledger
from groundwork.core.monitoring.logs import configure_logging
from groundwork.core.monitoring.watch import Watch
from groundwork.core.registry.base import Line
from groundwork.core.settings import Settings
from groundwork.serving.acquaint import Acquaintance
from groundwork.serving.api import (
    answers,
    ask,
    budgets,
    chat,
    conversations,
    costs,
    gaps,
    health,
    keys,
    models,
    monitoring,
    ocr,
    pages,
    recommendations,
    search,
)
from groundwork.serving.api.context import Context
from groundwork.serving.api.costs import Costs
from groundwork.serving.api.describe import describe_errors
from groundwork.serving.api.middleware import BodyLimit, Guard, Observe, is_loopback
from groundwork.serving.api.problems import add_handlers
from groundwork.serving.services import Services, build_services
from groundwork.serving.upkeep import forget_forever

_log = logging.getLogger("groundwork.serving")

_ROUTES = (
    *(ask, chat, search, answers, conversations, models),
    *(ocr, recommendations, monitoring, gaps),
    *(costs, budgets, keys, health, pages),
)
# What a form adds to the document in it.
_FORM_BYTES = 2**20
_DESCRIPTION = (
    "Answers questions about documentation. Every statement of an answer is cited, every answer says what it "
    "cost, and what is not in the documentation is not answered."
)


def check_bind(settings: Settings, *, has_keys: bool) -> None:
    """Raises ConfigurationError where another machine could reach the service and nothing tells callers apart."""
    host = settings.service.host
    if not has_keys and not is_loopback(host):
        raise ConfigurationError(
            f"service.host is {host!r}, which other machines can reach, and there are no API keys to tell "
            "callers apart; make one with groundwork keys create, or set GROUNDWORK_SERVICE__HOST (or --host) "
            "to 127.0.0.1",
            field="service.host",
        )


def keys_exist(settings: Settings) -> bool:
    """Whether the ledger that the settings name has keys. Raises Unavailable."""
    ledger = Ledger.open(settings.ledger_url)
    try:
        return Keys(ledger.engine).exist()
    finally:
        ledger.close()


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """The service. Without `services` the real ones are built when it starts and closed when it stops.

    It does not start where the address to bind can be reached from elsewhere and there are no keys.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            check_bind(settings, has_keys=services.accounts.keys.exist())
            async with _housekeeping(app), _slack(app, settings, services):
                yield
            return
        configure_logging(settings.telemetry)
        built = await asyncio.to_thread(build_services, settings, watched=True)
        try:
            check_bind(settings, has_keys=built.accounts.keys.exist())
            _attach(app, settings, built)
            async with _housekeeping(app), _slack(app, settings, built):
                yield
        finally:
            _close_models(app)
            await asyncio.to_thread(built.close)

    app = FastAPI(
        title="Groundwork",
        version=version("groundwork"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    if services is not None:
        _attach(app, settings, services)
    add_handlers(app)
    for module in _ROUTES:
        app.include_router(module.router)
    _add_pages(app)
    if settings.slack.enabled and settings.slack.mode == "http":
        from groundwork.serving.slack.app import add_route

        add_route(app)
    describe_errors(app)
    # The last one added is the outermost.
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.service.max_body_bytes,
        by_path={"/v1/ocr": settings.ocr.max_bytes + _FORM_BYTES},
    )
    app.add_middleware(Guard, host=settings.service.host)
    app.add_middleware(Observe)
    return app


def _attach(app: FastAPI, settings: Settings, services: Services) -> None:
    app.state.context = Context.of(settings, services)
    app.state.accounts = services.accounts
    app.state.costs = Costs(services.accounts.ledger.engine, settings.costs)
    if services.monitoring is not None:
        app.state.monitoring = services.monitoring
    if services.parts is not None:
        _attach_models(app, settings, services)


def _attach_models(app: FastAPI, settings: Settings, services: Services) -> None:
    """The classic models: each answers by the release that the registry names, from the moment that it is loaded."""
    from groundwork.classic.recommender.release import line_of as line_of_films
    from groundwork.serving.documents import line_of_documents, open_documents
    from groundwork.serving.recommending import open_recommending
    from groundwork.serving.releases.following import followers_of

    followers = followers_of(settings, app.state.context.follows)
    reads, films = line_of_documents(settings), line_of_films(settings.recommender.name)
    watched = services.monitoring
    app.state.documents = open_documents(
        settings,
        services.accounts,
        followers,
        None if watched is None else watched.monitors.signals(reads),
    )
    app.state.recommending = open_recommending(
        settings,
        services.accounts,
        followers,
        None if watched is None else watched.monitors.signals(films),
    )


def _add_pages(app: FastAPI) -> None:
    from groundwork.serving.web import routes

    app.router.routes.extend(routes())


@asynccontextmanager
async def _housekeeping(app: FastAPI) -> AsyncIterator[None]:
    """Greet the engines, load the embedder, show the rails their passages and forget old answers, beside the service."""
    context: Context = app.state.context
    services = context.services
    acquaintance = Acquaintance(services.assistant.guard, services.index_store, services.readers)
    tasks = [
        asyncio.create_task(_warm(context, acquaintance)),
        asyncio.create_task(forget_forever(context.settings, services, app.state)),
    ]
    for task in tasks:
        task.add_done_callback(_report)
    follows = context.follows
    if follows is not None:
        follows.start()
    watch = _watching(context)
    try:
        yield
    finally:
        acquaintance.stop()
        if watch is not None:
            await asyncio.to_thread(watch.close)
        await services.assistants.aclose()
        if follows is not None:
            await asyncio.to_thread(follows.close)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await services.close_engines()


def _watching(context: Context) -> Watch | None:
    """Traces are sent and drift is looked at from now on, where the services are watched."""
    services, follows = context.services, context.follows
    if services.monitoring is None:
        return None

    def champions() -> dict[Line, str]:
        known = [] if follows is None else follows.followers.status()
        return {each.line: each.champion for each in known if each.champion}

    return services.monitoring.start(services.store, services.accounts, services.engines, champions)


def _close_models(app: FastAPI) -> None:
    recommending = getattr(app.state, "recommending", None)
    if recommending is not None:
        recommending.close()


@asynccontextmanager
async def _slack(app: FastAPI, settings: Settings, services: Services) -> AsyncIterator[None]:
    """The Slack bot beside the service, where it has a token."""
    if not settings.slack.enabled:
        yield
        return
    from groundwork.serving.slack.app import running

    async with running(settings, services) as intake:
        app.state.slack = intake
        yield


async def _warm(context: Context, acquaintance: Acquaintance) -> None:
    await context.services.greet_engines()
    await asyncio.to_thread(context.readiness.warm)
    # A thread of its own: the pool's are for answers.
    threading.Thread(target=acquaintance.run, name="acquaintance", daemon=True).start()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("work beside the service failed", exc_info=error)
