"""Bounded concurrency in front of an engine: so many at once, so many waiting, in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from groundwork.core.errors import EngineBusy, EngineFull

_RETRY_SECONDS = 1.0


class Gate:
    """`limit` requests run, `max_waiting` more wait for at most `max_wait_seconds`. Used from one event loop."""

    def __init__(self, name: str, limit: int, max_waiting: int, max_wait_seconds: float) -> None:
        self._name = name
        self._limit = limit
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiters)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place. Raises EngineFull where no room is left to wait, EngineBusy after waiting in vain."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    async def enter(self) -> None:
        """Take a place; `leave` gives it back."""
        # Nobody waits while a place is free: a place that somebody leaves goes to who waits.
        if self.running < self._limit:
            self.running += 1
            return
        if len(self._waiters) >= self._max_waiting:
            raise EngineFull(
                f"the engine {self._name} is writing {self.running} answers and {self.waiting} more wait; "
                "try again shortly",
                retry_after=_RETRY_SECONDS,
            )
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_later(self._max_wait_seconds, self._expire, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # The place was handed over in the same moment; somebody else shall have it.
                self.leave()
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """Give the place to whoever has waited longest, or back."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.running -= 1

    def _expire(self, waiter: asyncio.Future[None]) -> None:
        if waiter.done():
            return
        self._waiters.remove(waiter)
        waiter.set_exception(
            EngineBusy(
                f"the engine {self._name} had no place free for {self._max_wait_seconds:g} s; try again shortly",
                retry_after=_RETRY_SECONDS,
            )
        )
