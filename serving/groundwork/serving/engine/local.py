"""An engine inside the process: no model, no network. It writes by a script and fails by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from groundwork.core.errors import (
    EngineBroken,
    EngineDown,
    EngineError,
    EngineFull,
    EngineTimeout,
)
from groundwork.serving.engine.base import (
    ChatRequest,
    Completion,
    End,
    EngineInfo,
    Load,
    Message,
    Token,
)
from groundwork.serving.engine.script import MIDWAY, Fault, Script, Writer, count_prompt


class ScriptedEngine:
    """The plain engine. What the HTTP client reports as a fault is raised here at once, without tries or waiting."""

    def __init__(
        self, name: str = "default", script: Script | None = None, model: str = "scripted"
    ) -> None:
        self.name = name
        self.model = model
        self.writer = Writer(script or Script())
        self.requests: list[ChatRequest] = []
        self._running = 0

    @property
    def identity(self) -> str:
        """Model and where it runs."""
        return f"{self.model}@scripted"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Token | End, None]:
        """See `Engine.stream`."""
        self.requests.append(request)
        script = self.writer.script
        body = _body(request)
        reply = self.writer.reply(body)
        misfortune = self.writer.misfortune(body)
        self._running += 1
        try:
            await asyncio.sleep(script.first_token_seconds)
            if misfortune is not None and misfortune.fault not in MIDWAY:
                raise self._error(misfortune.fault)
            for n, text in enumerate(reply.tokens):
                if misfortune is not None and misfortune.after <= n:
                    raise self._broken(misfortune.fault, n, reply.usage(n))
                yield Token(text, reply.usage(n + 1))
                await asyncio.sleep(script.token_seconds)
            if misfortune is not None:
                raise self._broken(misfortune.fault, len(reply.tokens), reply.usage())
        finally:
            self._running -= 1
        yield End(reply.usage(), reply.finish_reason, self.model)

    async def complete(self, request: ChatRequest) -> Completion:
        """See `Engine.complete`."""
        text: list[str] = []
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                if isinstance(event, End):
                    return Completion("".join(text), event.usage, event.finish_reason, self.model)
                text.append(event.text)
        raise AssertionError("a stream ends in End")

    async def count_tokens(self, messages: Sequence[Message]) -> int | None:
        """As its usage counts."""
        return count_prompt([{"content": message.content} for message in messages])

    async def window(self) -> int | None:
        """The script's."""
        return self.writer.script.window

    async def ping(self) -> EngineInfo:
        """It is always there."""
        return EngineInfo(self.model, self.writer.script.window, counts_along=True)

    def load(self) -> Load:
        """What is in flight."""
        return Load(self._running, 0, "closed")

    async def close(self) -> None:
        """There is nothing to close."""

    def _error(self, fault: Fault) -> EngineError:
        if fault == "429":
            return EngineFull(
                f"the engine {self.name} has too many requests",
                retry_after=self.writer.script.retry_after,
            )
        if fault == "slow":
            return EngineTimeout(f"the engine {self.name} took too long")
        return EngineDown(f"the engine {self.name} is down ({fault})")

    def _broken(self, fault: Fault, written: int, usage: Any) -> EngineError:
        kind = EngineTimeout if fault == "hang" else EngineBroken
        return kind(f"the engine {self.name} broke off ({fault})", sent=written > 0, usage=usage)


def _body(request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [
            {"role": message.role, "content": message.content} for message in request.messages
        ],
        "max_tokens": request.max_tokens,
        "stop": request.stop,
    }
    if request.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": request.schema}}
    return {**body, **request.extra}
