"""One answer under way: its place among those in flight, its counts, its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from starlette.requests import Request

from groundwork.core.answers import Answer
from groundwork.core.telemetry import Trace
from groundwork.serving.api.budgets import spending_headers
from groundwork.serving.api.context import Context
from groundwork.serving.api.sse import disconnected
from groundwork.serving.case import Question
from groundwork.serving.events import Done, Event, Started


class Run:
    """Made by `begin`; whoever holds it calls `aclose`, which also stops the generator."""

    def __init__(
        self, context: Context, started: Started, events: AsyncGenerator[Event, None]
    ) -> None:
        self.started = started
        self._context = context
        self._events = events
        self._outcome: str | None = "cancelled"
        self._closed = False

    @classmethod
    async def begin(cls, context: Context, question: Question, trace: Trace) -> Run:
        """Retrieve, so that what is wrong with a question is known before a response begins.

        Raises Unavailable where too many answers are in flight, IndexMissing, and what retrieval raises.
        """
        context.admission.enter()
        # The question path is an async generator; it must be closed for the generator below it to stop.
        events = context.services.assistants.answer(question, trace)
        try:
            started = cast("Started", await anext(events))
        except BaseException:
            await events.aclose()
            context.admission.leave()
            raise
        return cls(context, started, events)

    @property
    def spending(self) -> dict[str, str]:
        """Headers that say what is left of the caller's budgets and limits."""
        return spending_headers(self.started.ticket)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Started, then everything else."""
        yield self.started
        try:
            async for event in self._events:
                if isinstance(event, Done):
                    self._outcome = None
                    self._context.services.metrics.answered(event.answer)
                yield event
        except Exception:
            self._outcome = "failed"
            raise

    async def answer(self, request: Request) -> Answer | None:
        """The finished answer, and the end of this run; None where the client left before."""
        working = asyncio.create_task(self._finish())
        leaving = asyncio.create_task(disconnected(request.receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
            await self.aclose()
        return None if working.cancelled() else working.result()

    async def aclose(self) -> None:
        """Stop what still runs and give the place back. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._events.aclose()
        finally:
            self._context.admission.leave()
            if self._outcome is not None:
                self._context.services.metrics.outcome(self.started.index, self._outcome)

    async def _finish(self) -> Answer:
        async with aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise AssertionError("an answer always ends in Done")
