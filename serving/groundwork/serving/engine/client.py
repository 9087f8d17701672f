"""An engine behind OpenAI's API over HTTP: vLLM, or any compatible server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from groundwork.core.answers import Usage
from groundwork.core.errors import (
    EngineBroken,
    EngineError,
    EngineRefused,
)
from groundwork.core.settings import EngineSettings
from groundwork.serving.engine.attempts import Retries, first_success, settle_stream
from groundwork.serving.engine.base import (
    ChatRequest,
    Completion,
    End,
    EngineInfo,
    Load,
    Message,
    Token,
)
from groundwork.serving.engine.breaker import Breaker, Permit
from groundwork.serving.engine.decode import Chunk, decode_chunk
from groundwork.serving.engine.gate import Gate
from groundwork.serving.engine.sse import DONE, EventParser
from groundwork.serving.engine.transport import Exchange, Transport

UNNAMED = "default"
# vLLM says so of what it drops: when it shuts down, or its core fails.
_GIVEN_UP = frozenset({"abort", "error"})
_EVENT_STREAM = "text/event-stream"


class HttpEngine:
    """Opens connections when they are needed, in the event loop that needs them; `close` in that loop.

    Every request goes through the gate, then the breaker, then to the engine. `breaker` and `retries` are made
    from the settings where a test gives none.
    """

    def __init__(
        self,
        name: str,
        settings: EngineSettings,
        *,
        breaker: Breaker | None = None,
        retries: Retries | None = None,
    ) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key is not None else None
        self.name = name
        self.settings = settings
        self.transport = Transport(
            name, settings.url or "", api_key=key, connect_seconds=settings.connect_seconds
        )
        self.gate = Gate(
            name, settings.max_concurrency, settings.max_waiting, settings.max_wait_seconds
        )
        self.breaker = breaker or Breaker(name, settings.breaker_failures, settings.breaker_seconds)
        self.retries = retries or Retries(settings.retries)
        self._info: EngineInfo | None = None
        self._tokenizes = True

    @property
    def model(self) -> str:
        """The configured model, else the one the engine listed, else "default"."""
        if self.settings.model is not None:
            return self.settings.model
        return self._info.model if self._info is not None else UNNAMED

    @property
    def identity(self) -> str:
        """Model and address: the same name may stand for other weights elsewhere."""
        return f"{self.model}@{self.transport.url}"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Token | End, None]:
        """See `Engine.stream`."""
        async with self.gate.place():
            now = asyncio.get_running_loop().time()
            total = now + self.settings.total_seconds
            first = min(total, now + self.settings.first_token_seconds)
            chunks, permit = await first_success(
                lambda: self._begin(request, first), self.breaker, self.retries, first
            )
            permit.alive()
            async with aclosing(self._tokens(chunks, permit, total)) as tokens:
                async for token in tokens:
                    yield token
        # The place is given back before the End, which its receiver may sit on.
        yield chunks.end(self.model)

    async def complete(self, request: ChatRequest) -> Completion:
        """Streamed as well, so that timeouts mean the same and leaving stops the engine."""
        text: list[str] = []
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                if isinstance(event, End):
                    return Completion("".join(text), event.usage, event.finish_reason, event.model)
                text.append(event.text)
        raise AssertionError("a stream ends in End")

    async def count_tokens(self, messages: Sequence[Message]) -> int | None:
        """By POST /tokenize, which vLLM offers beside its /v1. Raises as `ping` does."""
        if not self._tokenizes:
            return None
        self.breaker.check()
        content = {"model": await self.ask_model(), "messages": _plain(messages)}
        try:
            answer = await self.transport.json(
                "POST", f"{self.transport.root}/tokenize", self._soon(), content
            )
        except EngineRefused:
            # Not offered here (404, 405), or not for this kind of prompt.
            self._tokenizes = False
            return None
        count = answer.get("count")
        if not isinstance(count, int):
            raise EngineBroken(f"the engine {self.name} counted tokens without a count")
        return count

    async def window(self) -> int | None:
        """The settings' context_tokens, else what the engine reports."""
        if self.settings.context_tokens is not None:
            return self.settings.context_tokens
        self.breaker.check()
        return (await self._known(self._soon())).window

    async def ping(self) -> EngineInfo:
        """Ask anew. Raises EngineRefused where the engine lists models and the configured one is not among them."""
        self._tokenizes = True
        self._info = await self._ask(self._soon())
        return self._info

    def load(self) -> Load:
        """What is in flight."""
        return Load(self.gate.running, self.gate.waiting, self.breaker.state)

    async def close(self) -> None:
        """Close connections."""
        await self.transport.close()

    async def ask_model(self) -> str:
        """The model's name, asked of the engine where neither settings nor an earlier answer have it."""
        return self.settings.model or (await self._known(self._soon())).model

    async def _begin(self, request: ChatRequest, deadline: float) -> ChunkStream:
        info = await self._known(deadline)
        headers = {"X-Request-Id": request.request_id} if request.request_id else None
        try:
            exchange = await self.transport.open(
                "POST",
                f"{self.transport.url}/chat/completions",
                deadline,
                body=orjson.dumps(_body(request, info)),
                headers=headers,
                waiting_for="the first token",
            )
        except EngineRefused:
            # It may serve another model since it was asked.
            self._info = None
            raise
        chunks = ChunkStream(self.name, exchange)
        try:
            await chunks.begin(deadline)
        except BaseException:
            chunks.close()
            raise
        return chunks

    async def _tokens(
        self, chunks: ChunkStream, permit: Permit, total: float
    ) -> AsyncGenerator[Token, None]:
        """The text, and the outcome for the breaker."""
        loop = asyncio.get_running_loop()
        sent = False
        try:
            while True:
                deadline = min(total, loop.time() + self.settings.idle_seconds)
                chunk = await chunks.next(deadline)
                if chunk is None:
                    break
                if chunk.text:
                    yield Token(chunk.text, chunks.usage)
                    sent = True
            await chunks.drain()
            permit.succeeded()
        except EngineError as error:
            error.sent, error.usage = sent, chunks.usage
            settle_stream(permit, error, total)
            raise
        finally:
            chunks.close()

    async def _known(self, deadline: float) -> EngineInfo:
        if self._info is None:
            self._info = await self._ask(deadline, strict=False)
        return self._info

    async def _ask(self, deadline: float, *, strict: bool = True) -> EngineInfo:
        """GET /v1/models. `strict` insists on the configured model being listed."""
        wanted = self.settings.model
        try:
            answer = await self.transport.json("GET", f"{self.transport.url}/models", deadline)
            listed = [entry for entry in answer["data"] if isinstance(entry["id"], str)]
        except EngineRefused:
            if strict or wanted is None:
                raise
            # Some servers list no models to ordinary keys; they may still serve.
            return EngineInfo(wanted, self.settings.context_tokens)
        except (KeyError, TypeError) as error:
            raise EngineBroken(
                f"the engine {self.name} lists its models in no known shape"
            ) from error
        entry = next((each for each in listed if wanted in {None, each["id"]}), None)
        if entry is not None:
            return self._info_of(entry)
        if wanted is not None and not strict:
            return EngineInfo(wanted, self.settings.context_tokens)
        names = ", ".join(each["id"] for each in listed[:10]) or "none"
        raise EngineRefused(
            f"the engine {self.name} does not serve {wanted or 'any model'}; it lists: {names}"
        )

    def _info_of(self, entry: dict[str, Any]) -> EngineInfo:
        window = entry.get("max_model_len")
        reported = window if isinstance(window, int) and window > 0 else None
        return EngineInfo(
            model=entry["id"],
            window=self.settings.context_tokens or reported,
            # Others refuse stream options that they do not know.
            counts_along=entry.get("owned_by") == "vllm",
        )

    def _soon(self) -> float:
        """The deadline of small requests that write nothing."""
        settings = self.settings
        patience = min(settings.total_seconds, settings.connect_seconds + settings.idle_seconds)
        return asyncio.get_running_loop().time() + patience


class ChunkStream:
    """The chunks of one streamed completion."""

    def __init__(self, engine: str, exchange: Exchange) -> None:
        self._engine = engine
        self._exchange = exchange
        self._parser = EventParser()
        self._events: deque[bytes] = deque()
        self._first: Chunk | None = None
        self._done = False
        self._model: str | None = None
        self._finish_reason: str | None = None
        self.usage: Usage | None = None

    async def begin(self, deadline: float) -> None:
        """Wait until the model speaks. Raises EngineTimeout, EngineBroken and what an error event stands for."""
        media_type = self._exchange.media_type
        if media_type != _EVENT_STREAM:
            raise EngineBroken(f"the engine {self._engine} answered {media_type}, not a stream")
        while (chunk := await self.next(deadline, "the first token")) is not None:
            if chunk.speaks:
                self._first = chunk
                return

    async def next(self, deadline: float, waiting_for: str = "the next token") -> Chunk | None:
        """The next chunk; None at the end. `usage` is up to date with it."""
        if self._first is not None:
            chunk, self._first = self._first, None
            return chunk
        while not self._events:
            if self._done or not await self._more(deadline, waiting_for):
                return None
        data = self._events.popleft()
        if data == DONE:
            self._done = True
            self._events.clear()
            return None
        chunk = decode_chunk(self._engine, data)
        self.usage = chunk.usage or self.usage
        if chunk.finish_reason in _GIVEN_UP:
            raise EngineBroken(
                f"the engine {self._engine} gave its answer up: {chunk.finish_reason}"
            )
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._model = chunk.model or self._model
        return chunk

    async def _more(self, deadline: float, waiting_for: str) -> bool:
        data = await self._exchange.read(deadline, waiting_for)
        if data:
            self._events.extend(self._parser.feed(data))
            return True
        # Some servers end without [DONE]; then the finish reason says that the text is whole.
        if self._finish_reason is None:
            raise EngineBroken(f"the engine {self._engine} broke off in the middle of its answer")
        self._done = True
        return False

    def end(self, model: str) -> End:
        """What is known at the end."""
        return End(self.usage, self._finish_reason or "stop", self._model or model)

    async def drain(self) -> None:
        """See `Exchange.drain`."""
        await self._exchange.drain()

    def close(self) -> None:
        """See `Exchange.close`."""
        self._exchange.close()


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _body(request: ChatRequest, info: EngineInfo) -> dict[str, Any]:
    options = {"include_usage": True}
    if info.counts_along:
        # With every chunk, so that an answer that is cut or left has been counted.
        options["continuous_usage_stats"] = True
    body: dict[str, Any] = {
        "model": info.model,
        "messages": _plain(request.messages),
        "temperature": request.temperature,
        "stream": True,
        "stream_options": options,
    }
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(request.schema), "strict": True},
        }
    return {**body, **request.extra}
