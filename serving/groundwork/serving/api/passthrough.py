"""The model names engine/<name>: a chat request goes to that engine as it is, and its answer comes back as it is.

Off unless `generator.passthrough` is set. Rails, passages and citations have no part in it; admission, the engine's gate
and breaker, and the bill do. Texts are not kept: the record holds the count and the charges.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from groundwork.core.answers import Answer, Outcome, Usage
from groundwork.core.errors import GroundworkError
from groundwork.core.metering.accounts import Expected, Ticket
from groundwork.core.metering.callers import ASK, Caller
from groundwork.core.metering.prices import GENERATE
from groundwork.core.metering.tally import Tally
from groundwork.core.money import format_dollars
from groundwork.core.telemetry import Trace
from groundwork.core.tokens import count_tokens
from groundwork.serving.api import sse
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import Context, context_of, trace_of
from groundwork.serving.api.models import ENGINE, no_such_model
from groundwork.serving.api.problems import Failure
from groundwork.serving.api.responses import CLIENT_CLOSED_REQUEST, COST_HEADER, JsonRoute
from groundwork.serving.books import Entry
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.passthrough import Forwarded, forward

T = TypeVar("T")

# A passage of bytes has no release of the documentation; bills show what it was instead.
RELEASE = "passthrough"
# Held for an answer whose length the caller does not bound.
_ANSWER_TOKENS = 2000


class ChatRoute(JsonRoute):
    """Hands requests for an engine on before their body is read as a question."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler behind the choice."""
        handle = super().get_route_handler()

        async def chosen(request: Request) -> Response:
            body = await _for_an_engine(request)
            return await handle(request) if body is None else await pass_through(body, request)

        return chosen


async def pass_through(body: Mapping[str, Any], request: Request) -> Response:
    """The engine's response. Raises IndexMissing for an engine of no such name, and what `forward` raises."""
    context = context_of(request)
    model = str(body["model"])
    engine = context.services.engines.get(model.removeprefix(ENGINE))
    if not isinstance(engine, HttpEngine):
        raise no_such_model(model)
    caller = await caller_of(request, ASK)
    context.admission.enter()
    call = _Call(context, engine, body, trace_of(request.scope), caller)
    try:
        if not await _unless_gone(request, call.begin()):
            await call.aclose()
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        if body.get("stream") is True:
            return sse.EventStream(call.frames(), call.aclose)
        whole = await _unless_gone(request, call.whole())
    except BaseException:
        call.outcome = "failed"
        await call.aclose()
        raise
    await call.aclose()
    if whole is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return Response(whole, media_type="application/json", headers=call.headers())


class _Call:
    """One request to an engine: its place, its pieces, its bill."""

    def __init__(
        self,
        context: Context,
        engine: HttpEngine,
        body: Mapping[str, Any],
        trace: Trace,
        caller: Caller,
    ) -> None:
        self._id = "ans-" + secrets.token_hex(12)
        self._caller = caller
        self._ticket: Ticket | None = None
        self.outcome: Outcome = "cancelled"
        self._context = context
        self._engine = engine
        self._body = body
        self._trace = trace
        self._held = AsyncExitStack()
        self._forwarded: Forwarded | None = None
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._answer: Answer | None = None
        self._closed = False

    async def begin(self) -> bool:
        """Wait for the engine's first words. Raises what admission and the engine raise."""
        self._ticket = await asyncio.to_thread(self._admit)
        with self._trace.stage("generate"):
            self._forwarded, self._pieces = await self._held.enter_async_context(
                forward(self._body, self._engine, self._trace.trace_id)
            )
        return True

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The stream; an error of ours as its last event, where the engine has told none itself."""
        forwarded, pieces = self._begun()
        try:
            async for piece in pieces:
                yield piece
            self.outcome = "answered"
        except GroundworkError as error:
            self.outcome = "failed"
            if not forwarded.told:
                yield sse.data_only(Failure.of(error).openai())

    async def whole(self) -> bytes:
        """The body of a response that is no stream."""
        _, pieces = self._begun()
        body = b"".join([piece async for piece in pieces])
        self.outcome = "answered"
        return body

    def headers(self) -> dict[str, str]:
        """What it cost."""
        return (
            {} if self._answer is None else {COST_HEADER: format_dollars(self._answer.picodollars)}
        )

    async def aclose(self) -> None:
        """Stop the engine, give the place back, and record what was used. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._held.aclose()
        finally:
            self._context.admission.leave()
            if self._forwarded is None:
                self._context.services.metrics.outcome(self._name, self.outcome)
                await self._drop()
            else:
                await asyncio.shield(asyncio.to_thread(self._record, self._forwarded))

    @property
    def _name(self) -> str:
        return f"{ENGINE}{self._engine.name}"

    def _begun(self) -> tuple[Forwarded, AsyncGenerator[bytes, None]]:
        if self._forwarded is None or self._pieces is None:
            raise AssertionError("a call is read after it has begun")
        return self._forwarded, self._pieces

    async def _drop(self) -> None:
        if self._ticket is not None:
            accounts = self._context.services.accounts
            await asyncio.to_thread(accounts.drop, self._id, self._ticket)

    def _admit(self) -> Ticket:
        prompt = self._prompt_tokens()
        answer = self._body.get("max_completion_tokens") or self._body.get("max_tokens")
        expected = Expected(self._engine.model, prompt, int(answer or _ANSWER_TOKENS))
        return self._context.services.accounts.admit(self._id, self._caller, expected)

    def _admitted(self) -> Ticket:
        if self._ticket is None:
            raise AssertionError("a call is recorded after it was let in")
        return self._ticket

    def _record(self, forwarded: Forwarded) -> None:
        services = self._context.services
        usage = forwarded.usage or self._estimate(forwarded)
        tally = Tally()
        tally.tokens(GENERATE, self._engine.model, usage)
        ticket = self._admitted()
        lines = ticket.book.lines(tally)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._answer = Answer(
            id=self._id,
            created_at=now,
            question="",
            index=self._name,
            release=RELEASE,
            index_version="",
            model=self._engine.model,
            answer="",
            outcome=self.outcome,
            reason=None,
            confidence=0.0,
            citations=(),
            usage=usage,
            charges=tuple(line.charge for line in lines),
            rails=(),
            timings_ms=self._trace.finish(),
            trace_id=self._trace.trace_id,
            record={"engine": self._engine.name, "usage_estimated": forwarded.usage is None},
            currency=ticket.book.currency,
        )
        # Nothing of it can be read again: the ledger has all there is.
        services.accounts.record(ticket, Entry(self._answer, lines, ticket).posting())
        services.metrics.answered(self._answer)

    def _estimate(self, forwarded: Forwarded) -> Usage:
        """Of an answer that did not reach its own count: the prompt's text, and one token an event."""
        return Usage(self._prompt_tokens(), forwarded.events)

    def _prompt_tokens(self) -> int:
        """An estimate. What is wrong with a message is found where it is sent."""
        messages = self._body.get("messages")
        found = (
            [each for each in messages if isinstance(each, dict)]
            if isinstance(messages, list)
            else []
        )
        return sum(count_tokens(str(each.get("content") or "")) for each in found)


async def _for_an_engine(request: Request) -> dict[str, Any] | None:
    """The body, where it names an engine and that is allowed; what is wrong with any other is found elsewhere."""
    if not context_of(request).settings.generator.passthrough:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" or "content-encoding" in request.headers:
        return None
    raw = await request.body()
    # Cheaper than reading every question's body twice.
    if b"engine" not in raw:
        return None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    named = isinstance(body, dict) and str(body.get("model", "")).startswith(ENGINE)
    return body if named else None


async def _unless_gone(request: Request, work: Awaitable[T]) -> T | None:
    """The result; None where the client left before, and the work with it."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(sse.disconnected(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    return None if working.cancelled() else working.result()
