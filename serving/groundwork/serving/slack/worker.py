"""Works off the inbox: several items at once, each held by a lease, each to its end or back into the inbox."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from groundwork.core.errors import GroundworkError, Unavailable
from groundwork.core.telemetry import Trace
from groundwork.serving.slack import acts, words
from groundwork.serving.slack.ask import answer_question
from groundwork.serving.slack.desk import Desk
from groundwork.serving.slack.inbox import Item, LeaseLost

_log = logging.getLogger("groundwork.slack")

# How often the inbox is looked into for what other processes left.
_LOOK_SECONDS = 1.0
_LONGEST_WAIT = 60.0
# So long an item is tried where Slack does not answer, and so often where its processes die of it.
_GIVE_UP_SECONDS = 6 * 3600.0
_GIVE_UP_ATTEMPTS = 10

_WORK: Mapping[str, Callable[[Item, Desk], Awaitable[None]]] = {
    "question": answer_question,
    "feedback": acts.judge,
    "hand_off": acts.hand_off,
    "propose": acts.propose,
    "greet": acts.greet,
}


class Worker:
    """Used from one event loop. `run` goes on until it is cancelled, and then lets go of what it holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._slots = asyncio.Semaphore(desk.settings.slack.concurrency)
        self._lease = desk.settings.slack.lease_seconds
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something came in."""
        self._woken.set()

    async def run(self) -> None:
        """Claim and work, as many items at once as the settings say."""
        try:
            while True:
                await self._slots.acquire()
                try:
                    item = await self._next()
                except BaseException:
                    self._slots.release()
                    raise
                task = asyncio.create_task(self._hold(item))
                self._working.add(task)
                task.add_done_callback(self._done)
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._slots.release()
        # What stood behind it in its thread is free now.
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an item of the Slack inbox failed", exc_info=error)

    async def _next(self) -> Item:
        while True:
            self._woken.clear()
            try:
                item = await asyncio.to_thread(self._desk.inbox.claim)
            except Unavailable as error:
                _log.warning("the Slack inbox cannot be read: %s", error.detail)
                item = None
            if item is not None:
                return item
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()

    async def _hold(self, item: Item) -> None:
        """Work on it while its lease is prolonged; stop where another process took it over."""
        work = asyncio.create_task(self._work(item))
        beat = asyncio.create_task(self._beat(item))
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            # The next process begins at once instead of waiting for the lease.
            with suppress(LeaseLost, Unavailable):
                await asyncio.to_thread(self._desk.inbox.postpone, item, 0.0)
            raise
        finally:
            for task in (work, beat):
                task.cancel()
            await asyncio.gather(work, beat, return_exceptions=True)

    async def _beat(self, item: Item) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            try:
                await asyncio.to_thread(self._desk.inbox.renew, item)
            except LeaseLost:
                _log.warning("another process took over %s", item.event_id)
                return
            except Unavailable as error:
                _log.warning("the lease of %s is not prolonged: %s", item.event_id, error.detail)

    async def _work(self, item: Item) -> None:
        inbox = self._desk.inbox
        try:
            if item.attempts <= _GIVE_UP_ATTEMPTS:
                await _WORK[item.kind](item, self._desk)
            else:
                _log.error("gave up on %s after %d attempts", item.event_id, _GIVE_UP_ATTEMPTS)
            await asyncio.to_thread(inbox.finish, item)
        except LeaseLost:
            _log.warning("another process took over %s", item.event_id)
        except Unavailable as error:
            age = time.time() - item.received_at
            if age > _GIVE_UP_SECONDS:
                _log.error("gave up on %s: %s", item.event_id, error.detail)
                await asyncio.to_thread(inbox.finish, item)
                return
            wait = error.retry_after or min(_LONGEST_WAIT, 0.5 + age / 2)
            _log.warning("%s is tried again in %.0f s: %s", item.event_id, wait, error.detail)
            await asyncio.to_thread(inbox.postpone, item, wait)
        except GroundworkError as error:
            # Nobody can be told: it was Slack that refused.
            _log.error("gave up on %s: %s", item.event_id, error.detail)
            await asyncio.to_thread(inbox.finish, item)
        except Exception:  # noqa: BLE001 -- the edge: told to who acted, logged with its id
            trace_id = Trace().trace_id
            _log.exception("%s failed unexpectedly trace=%s", item.event_id, trace_id)
            with suppress(GroundworkError):
                said = words.sorry(None, trace_id)
                await self._desk.whisper(item, said, item.payload.get("thread_ts"))
            await asyncio.to_thread(inbox.finish, item)
