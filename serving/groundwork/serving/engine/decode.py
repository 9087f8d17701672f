"""What an engine's JSON means: chunks of a stream, error objects, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from groundwork.core.answers import Usage
from groundwork.core.errors import (
    ContextTooLong,
    EngineBroken,
    EngineDown,
    EngineError,
    EngineFull,
    EngineRefused,
)

_MAX_ECHO = 300
_RETRIED_4XX = frozenset({408, 425})
# OpenAI has a code for it; vLLM and others only say it, in one of these ways.
_TOO_LONG = ("context_length_exceeded", "maximum context length", "max_model_len", "context window")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event of a stream. `speaks` says that the model has begun to write, in the open or for itself."""

    text: str = ""
    speaks: bool = False
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None


def decode_chunk(engine: str, data: bytes) -> Chunk:
    """Raises EngineBroken for what is no chunk, and what an error object in the stream stands for."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise EngineBroken(f"the engine {engine} sent an event that is not JSON") from error
    if not isinstance(event, dict):
        raise EngineBroken(f"the engine {engine} sent an event that is no object")
    if event.get("error") is not None:
        raise error_in_stream(engine, event["error"])
    try:
        return _chunk(event)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise EngineBroken(
            f"the engine {engine} sent an event that is no chat completion chunk"
        ) from error


def _chunk(event: Mapping[str, Any]) -> Chunk:
    usage = usage_of(event.get("usage"))
    choices = event["choices"]
    if not choices:
        return Chunk(usage=usage, model=event.get("model"))
    choice = choices[0]
    delta = choice.get("delta") or {}
    text = delta.get("content") or ""
    if not isinstance(text, str):
        raise TypeError("content is no text")
    reason = choice.get("finish_reason")
    thinks = delta.get("reasoning_content") or delta.get("reasoning")
    return Chunk(
        text=text,
        speaks=bool(text or thinks or reason),
        finish_reason=reason,
        usage=usage,
        model=event.get("model"),
    )


def usage_of(raw: Mapping[str, Any] | None) -> Usage | None:
    """OpenAI's usage object. Raises TypeError, ValueError or AttributeError for one of another shape."""
    if raw is None:
        return None
    prompt = raw.get("prompt_tokens_details") or {}
    completion = raw.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=int(raw.get("prompt_tokens") or 0),
        completion_tokens=int(raw.get("completion_tokens") or 0),
        cached_tokens=int(prompt.get("cached_tokens") or 0),
        reasoning_tokens=int(completion.get("reasoning_tokens") or 0),
    )


def error_of_status(
    engine: str, status: int, body: bytes, retry_after: float | None
) -> EngineError:
    """What a response that is no success stands for."""
    said = _message(_parsed(body)) or _printable(body.decode("utf-8", "replace"))
    told = f": {said}" if said else ""
    if status == 429:
        return EngineFull(
            f"the engine {engine} has too many requests{told}", retry_after=retry_after
        )
    if status >= 500 or status in _RETRIED_4XX:
        return EngineDown(
            f"the engine {engine} failed (HTTP {status}){told}", retry_after=retry_after
        )
    if status in {400, 413, 422} and _is_too_long(body.decode("utf-8", "replace")):
        return ContextTooLong(
            f"prompt and answer do not fit the window of the engine {engine}{told}"
        )
    hint = "; check its api_key" if status in {401, 403} else ""
    return EngineRefused(f"the engine {engine} refused (HTTP {status}){hint}{told}")


def error_in_stream(engine: str, error: Any) -> EngineError:
    """What an error object inside a stream stands for. Some give an HTTP status as its code, some do not."""
    said = _message(error)
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 500:
        return error_of_status(engine, code, orjson.dumps({"error": error}), None)
    if _is_too_long(f"{code} {said}"):
        return ContextTooLong(
            f"prompt and answer do not fit the window of the engine {engine}: {said}"
        )
    return EngineBroken(f"the engine {engine} broke off: {said or 'it gave no reason'}")


def retry_after_of(value: str | None) -> float | None:
    """Seconds of a Retry-After header; None where it is absent, or a date, which engines do not send."""
    try:
        seconds = float(value) if value is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < 1e6 else None


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _message(error: Any) -> str:
    """The sentence in OpenAI's, vLLM's and FastAPI's shapes of an error."""
    if isinstance(error, str):
        return _printable(error)
    if not isinstance(error, dict):
        return ""
    for name in ("message", "error", "detail"):
        if (said := _message(error.get(name))) != "":
            return said
    return ""


def _is_too_long(text: str) -> bool:
    lowered = text.lower()
    return any(sign in lowered for sign in _TOO_LONG)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_MAX_ECHO]).strip()
