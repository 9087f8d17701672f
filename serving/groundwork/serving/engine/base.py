"""The protocol of an engine: chat messages in, text and an exact token count out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from groundwork.core.answers import Usage


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What an engine is asked to write.

    `max_tokens` bounds the answer; without it the engine takes what its window leaves. `schema` is a JSON
    schema that the text must obey (OpenAI's `response_format` json_schema). `request_id` is sent along as
    `X-Request-Id`, so that the engine's log can be matched. `extra` are further parameters of the engine's
    own, by name; they win over all others.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    request_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """More of the text: one token or a few.

    `usage` is the engine's own count up to here, where it counts as it goes (vLLM does); whoever stops a
    stream midway owes that much.
    """

    text: str
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The last thing of a stream. `finish_reason` is OpenAI's: stop, length, content_filter.

    `usage` is None where the engine gives no count; then it has to be estimated. `model` is what answered.
    """

    usage: Usage | None
    finish_reason: str
    model: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer at once."""

    text: str
    usage: Usage | None
    finish_reason: str
    model: str


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself. `window` is in tokens, prompt and answer together."""

    model: str
    window: int | None
    counts_along: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What is in flight to an engine from this process, and whether its breaker lets requests through."""

    running: int
    waiting: int
    breaker: Literal["closed", "open", "half-open"]


class Engine(Protocol):
    """A language model behind an API. Used from one event loop at a time; `close` is awaited in that loop.

    `name` is the name in the settings. `model` is the model's name: the configured one, else what the engine
    listed when it was first reached, else "default". `identity` names what decides the output. All methods
    raise EngineError and its kinds, and nothing else on purpose; a stream also ends in one of them or in End.
    """

    name: str

    @property
    def model(self) -> str:
        """The model that answers."""
        ...

    @property
    def identity(self) -> str:
        """For the release."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Token | End, None]:
        """Tokens, then exactly one End. Closing it stops the engine at once (use `contextlib.aclosing`).

        Raises EngineDown, EngineBusy, EngineTimeout, EngineBroken, EngineRefused or ContextTooLong; with
        `sent` where a Token had been yielded before.
        """
        ...

    async def complete(self, request: ChatRequest) -> Completion:
        """The whole text, for small calls such as rewriting and judging. Raises as `stream` does."""
        ...

    async def count_tokens(self, messages: Sequence[Message]) -> int | None:
        """Tokens of the rendered prompt by the model's own tokenizer; None where the engine offers no count."""
        ...

    async def window(self) -> int | None:
        """Tokens that prompt and answer may have together; None where neither settings nor engine know."""
        ...

    async def ping(self) -> EngineInfo:
        """Ask the engine what it serves, anew. Raises EngineDown, EngineTimeout, EngineBroken, EngineRefused."""
        ...

    def load(self) -> Load:
        """What is in flight."""
        ...

    async def close(self) -> None:
        """Close connections. The engine may be used again; it then opens new ones."""
        ...
