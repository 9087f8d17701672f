"""The real cost page over the real endpoints and a ledger of random requests, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from groundwork.core.metering.accounts import Accounts
from groundwork.core.settings import CostsSettings
from groundwork.serving.api import costs
from groundwork.serving.api.problems import add_handlers
from groundwork.serving.web import routes


@dataclass
class CostService:
    """Serves the costs of `accounts` in a thread, as of `now` (milliseconds)."""

    accounts: Accounts
    now: int
    url: str = ""

    def __enter__(self) -> CostService:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._listening.close()

    async def _serve(self) -> None:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self._ready.set()
            yield

        app = FastAPI(lifespan=lifespan)
        app.include_router(costs.router)
        app.state.accounts = self.accounts
        engine = self.accounts.ledger.engine
        app.state.costs = costs.Costs(engine, CostsSettings(), lambda: self.now)
        add_handlers(app)
        app.router.routes.extend(routes())
        config = uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._listening])
