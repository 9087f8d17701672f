"""OpenAI's chat request as a question."""

from __future__ import annotations

from typing import Any

from groundwork.core.answers import Turn
from groundwork.core.errors import InvalidInput
from groundwork.serving.api.models import index_of
from groundwork.serving.api.openai_shapes import ChatBody
from groundwork.serving.case import Question
from groundwork.serving.questions import checked_question


def to_question(body: ChatBody, default_index: str, max_chars: int) -> Question:
    """The last user message with the turns before it.

    Raises IndexMissing for a model of another name, and InvalidInput that names the parameter.
    """
    _refuse_what_is_not_offered(body)
    texts = [
        _text(message.content, f"messages[{n}].content") for n, message in enumerate(body.messages)
    ]
    last = max((n for n, each in enumerate(body.messages) if each.role == "user"), default=None)
    if last is None:
        raise InvalidInput("there is no user message to answer", field="messages")
    index, generator = index_of(body.model, default_index)
    return Question(
        text=checked_question(texts[last], max_chars, f"messages[{last}].content"),
        index=index,
        generator=generator,
        history=tuple(
            Turn("assistant" if message.role == "assistant" else "user", text)
            for message, text in zip(body.messages[:last], texts, strict=False)
            if message.role in {"user", "assistant"}
        ),
    )


def _refuse_what_is_not_offered(body: ChatBody) -> None:
    """Parameters that change what an answer is are refused; those that only colour it are ignored."""
    refused = {
        "n": body.n not in {None, 1},
        "logprobs": bool(body.logprobs),
        "top_logprobs": bool(body.top_logprobs),
        "tools": bool(body.tools),
        "tool_choice": body.tool_choice not in (None, "none", "auto"),
        "functions": bool(body.functions),
        "audio": body.audio is not None,
        "modalities": any(kind != "text" for kind in body.modalities or ()),
        "response_format": (body.response_format or {}).get("type", "text") != "text",
    }
    for name, wrong in refused.items():
        if wrong:
            raise InvalidInput(
                f"{name} is not offered with this value; leave it out: an answer is one text with "
                "citations",
                field=name,
            )


def _text(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return _valid(content, where)
    if not isinstance(content, list):
        raise InvalidInput("content is a string or a list of text parts", field=where)
    return "\n".join(_part(part, f"{where}[{n}]") for n, part in enumerate(content))


def _part(part: Any, where: str) -> str:
    if not isinstance(part, dict) or part.get("type") != "text":
        raise InvalidInput("only text parts are read: questions are text", field=where)
    text = part.get("text")
    if not isinstance(text, str):
        raise InvalidInput("a text part has its text under `text`", field=f"{where}.text")
    return _valid(text, where)


def _valid(text: str, where: str) -> str:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInput("holds a NUL or half a surrogate pair; send valid text", field=where)
    return text
