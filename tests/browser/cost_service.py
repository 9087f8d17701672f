"""The real cost page over the real endpoints and a ledger of random requests, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import Depends, FastAPI, Request

from groundwork.core.errors import Unauthenticated
from groundwork.core.metering.ledger import Ledger
from groundwork.core.settings import CostsSettings
from groundwork.serving.api import costs
from groundwork.serving.api.problems import add_handlers
from groundwork.serving.web import routes


@dataclass
class CostService:
    """Serves a ledger in a thread. Where `api_key` is set, the endpoints want it."""

    ledger: Ledger
    now: int
    api_key: str | None = None
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

    def _check(self, request: Request) -> None:
        sent = request.headers.get("authorization")
        if self.api_key is not None and sent != f"Bearer {self.api_key}":
            raise Unauthenticated("send a key as Authorization: Bearer")

    async def _serve(self) -> None:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self._ready.set()
            yield

        app = FastAPI(lifespan=lifespan)
        app.include_router(costs.router, dependencies=[Depends(self._check)])
        app.state.costs = costs.Costs(self.ledger.engine, CostsSettings(), lambda: self.now)
        add_handlers(app)
        app.router.routes.extend(routes())
        config = uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._listening])
