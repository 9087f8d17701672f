"""An engine's own answers, handed through: the response's bytes are not read again, only its usage.

What the documentation path adds (passages, citations, rails) does not apply here. The gate, the breaker, the
timeouts and the retries before the first token do.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from groundwork.core.answers import Usage
from groundwork.core.errors import EngineBroken, EngineError, InvalidInput
from groundwork.serving.engine.attempts import first_success, settle_stream
from groundwork.serving.engine.breaker import Permit
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.decode import decode_chunk, usage_of
from groundwork.serving.engine.sse import MAX_EVENT_BYTES, EventParser
from groundwork.serving.engine.transport import Exchange

# What may change an engine's answer, and nothing that makes it read files or addresses, or reach its own settings.
PARAMETERS = frozenset(
    "messages temperature top_p max_tokens max_completion_tokens stop seed n presence_penalty frequency_penalty"
    " logit_bias logprobs top_logprobs response_format tools tool_choice parallel_tool_calls stream".split()
)
_NO_CHOICES = re.compile(rb'"choices":\s*\[\]')
# Quotes inside of text are escaped, so neither can come from what the model wrote.
_ERROR = re.compile(rb'^data:\s*\{"error":', re.MULTILINE)
_DONE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)
_END_OF_EVENT = re.compile(rb"\n\n|\r\n\r\n|\r\r")


class Forwarded:
    """A response under way. `usage` is known at its end; `events` counts what a stream has handed on.

    `told` says that the engine's own error was handed on, so that nobody adds another.
    """

    def __init__(self, engine: HttpEngine, exchange: Exchange, begun: bytes) -> None:
        self.media_type = exchange.media_type
        self.usage: Usage | None = None
        self.events = 0
        self.complete = False
        self.told = False
        self._engine = engine
        self._exchange = exchange
        self._begun = begun

    async def whole(self, deadline: float) -> bytes:
        """The body of a response that is no stream. Raises EngineTimeout or EngineBroken."""
        body = self._begun + await self._exchange.read_all(deadline)
        try:
            self.usage = usage_of(orjson.loads(body).get("usage"))
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
            raise EngineBroken(f"the engine {self._engine.name} sent no chat completion") from error
        self.complete = True
        return body

    async def pieces(self, total: float, *, with_usage: bool) -> AsyncGenerator[bytes, None]:
        """Whole events, as they come; without the one that only tells the usage where nobody asked for it.

        Raises EngineTimeout or EngineBroken.
        """
        idle = self._engine.settings.idle_seconds
        loop = asyncio.get_running_loop()
        held = b""
        data = self._begun
        while data:
            held, events = _split(self._engine.name, held + data)
            events = self._take_usage(events, with_usage=with_usage)
            if events:
                yield events
                # Counted when they have left: what was held back was not delivered.
                self.events += _count(events)
            # Looking for plain bytes first: a pattern over every byte of a stream is what most of its time would go to.
            if b'"error":' in events and _ERROR.search(events):
                self.told = True
                raise EngineBroken(f"the engine {self._engine.name} broke off and said so")
            if b"[DONE]" in events and _DONE.search(events):
                self.complete = True
                await self._exchange.drain()
                return
            data = await self._exchange.read(min(total, loop.time() + idle), "the next token")
        raise EngineBroken(f"the engine {self._engine.name} broke off in the middle of its answer")

    def close(self) -> None:
        """Stops an engine that still writes."""
        self._exchange.close()

    def _take_usage(self, events: bytes, *, with_usage: bool) -> bytes:
        """Read the usage event, and cut it out unless it was asked for."""
        found = _NO_CHOICES.search(events)
        if found is None:
            return events
        # It is one of the last: what comes before the first such event stays as it is.
        start = _end_of_last(events[: found.start()])
        kept = [events[:start]]
        for event in _events(events[start:]):
            if _NO_CHOICES.search(event) and (parsed := EventParser().feed(event)):
                chunk = decode_chunk(self._engine.name, parsed[0])
                self.usage = chunk.usage or self.usage
                if chunk.usage is not None and not with_usage:
                    continue
            kept.append(event)
        return b"".join(kept)


def checked_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are handed on; others have no effect. Raises InvalidInput that names the parameter."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidInput("messages is a list of at least one message", field="messages")
    for n, message in enumerate(messages):
        if not isinstance(message, dict):
            raise InvalidInput("a message is an object", field=f"messages[{n}]")
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict) or part.get("type") != "text":
                # An engine fetches the addresses of images from inside its own network.
                raise InvalidInput(
                    "only text parts are handed on to an engine", field=f"messages[{n}].content"
                )
    return {name: value for name, value in body.items() if name in PARAMETERS}


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether the client asked for the usage event of a stream."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


@asynccontextmanager
async def forward(
    body: Mapping[str, Any], engine: HttpEngine, request_id: str | None = None
) -> AsyncIterator[tuple[Forwarded, AsyncGenerator[bytes, None]]]:
    """Send a client's chat request on; gives the response and its pieces (one, where it is no stream).

    Raises InvalidInput before anything is sent, and what `Engine.stream` raises. Leaving the context stops the engine.
    """
    sent = checked_body(body)
    async with engine.gate.place():
        loop = asyncio.get_running_loop()
        total = loop.time() + engine.settings.total_seconds
        streams = sent.get("stream") is True
        first = min(total, loop.time() + engine.settings.first_token_seconds) if streams else total
        forwarded, permit = await first_success(
            lambda: _begin(sent, engine, first, request_id), engine.breaker, engine.retries, first
        )
        permit.alive()
        try:
            pieces = _settling(
                forwarded.pieces(total, with_usage=wants_usage(body))
                if streams
                else _once(forwarded, total),
                permit,
                total,
            )
            yield forwarded, pieces
        finally:
            await pieces.aclose()
            forwarded.close()


async def _begin(
    sent: Mapping[str, Any], engine: HttpEngine, deadline: float, request_id: str | None
) -> Forwarded:
    """Send it, and read until the first event is whole and no error."""
    streams = sent.get("stream") is True
    content = {**sent, "model": await engine.ask_model()}
    if streams:
        content["stream_options"] = {"include_usage": True}
    exchange = await engine.transport.open(
        "POST",
        f"{engine.transport.url}/chat/completions",
        deadline,
        body=orjson.dumps(content),
        headers={"X-Request-Id": request_id} if request_id else None,
        waiting_for="the first token",
    )
    if not streams:
        return Forwarded(engine, exchange, b"")
    try:
        return Forwarded(engine, exchange, await _first_event(engine.name, exchange, deadline))
    except BaseException:
        exchange.close()
        raise


async def _first_event(engine: str, exchange: Exchange, deadline: float) -> bytes:
    """What came until an event was whole. Raises EngineBroken, and what an error event stands for."""
    parser = EventParser()
    begun = b""
    while data := await exchange.read(deadline, "the first token"):
        begun += data
        if events := parser.feed(data):
            decode_chunk(engine, events[0])
            return begun
    raise EngineBroken(f"the engine {engine} broke off before it began")


async def _once(forwarded: Forwarded, deadline: float) -> AsyncGenerator[bytes, None]:
    yield await forwarded.whole(deadline)


async def _settling(
    pieces: AsyncGenerator[bytes, None], permit: Permit, total: float
) -> AsyncGenerator[bytes, None]:
    """The same pieces, and the outcome for the breaker."""
    try:
        async for piece in pieces:
            yield piece
        permit.succeeded()
    except EngineError as error:
        settle_stream(permit, error, total)
        raise
    finally:
        await pieces.aclose()


def _split(engine: str, data: bytes) -> tuple[bytes, bytes]:
    """What has to wait for its end, and the events that are whole."""
    cut = _end_of_last(data)
    if len(data) - cut > MAX_EVENT_BYTES:
        raise EngineBroken(
            f"the engine {engine} sent an event of more than {MAX_EVENT_BYTES:,} bytes"
        )
    return data[cut:], data[:cut]


def _end_of_last(data: bytes) -> int:
    """Where the last event that is whole ends; 0 where none is."""
    return max(
        at + len(end) if (at := data.rfind(end)) >= 0 else 0
        for end in ((b"\n\n", b"\r\n\r\n", b"\r\r") if b"\r" in data else (b"\n\n",))
    )


def _count(events: bytes) -> int:
    return len(_END_OF_EVENT.findall(events)) if b"\r" in events else events.count(b"\n\n")


def _events(data: bytes) -> list[bytes]:
    """One by one, each with its end."""
    events, start = [], 0
    for end in _END_OF_EVENT.finditer(data):
        events.append(data[start : end.end()])
        start = end.end()
    return events
