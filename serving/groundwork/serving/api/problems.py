"""Errors as responses: RFC 9457 problem documents, and OpenAI's shape on OpenAI's endpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from groundwork.core.errors import (
    BadRequest,
    BudgetExceeded,
    GroundworkError,
    InvalidInput,
    TooManyRequests,
    Unavailable,
)
from groundwork.serving.api.context import trace_of
from groundwork.serving.api.responses import JSON

PROBLEM_MEDIA_TYPE = "application/problem+json"

_OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
# OpenAI's names for what it names too; everything else keeps ours.
_OPENAI_CODES = {
    "index-missing": "model_not_found",
    "invalid-input": "invalid_value",
    "bad-request": None,
}
_OPENAI_TYPES = {402: "insufficient_quota", 429: "rate_limit_error"}
_MAX_ECHO = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, before it takes a shape. `errors` lists every (field, detail) where there are several."""

    status: int
    code: str
    title: str
    detail: str
    field: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = dataclass_field(default_factory=dict)
    # Members of the document beyond those of the standard: the budget or limit that refused.
    more: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @classmethod
    def of(cls, error: GroundworkError) -> Failure:
        """From an error of the tree."""
        headers = {}
        more: dict[str, Any] = {}
        if isinstance(error, Unavailable | BudgetExceeded | TooManyRequests):
            if error.retry_after is not None:
                headers["Retry-After"] = str(math.ceil(error.retry_after))
            if isinstance(error, BudgetExceeded):
                more["budget"] = error.budget
            elif isinstance(error, TooManyRequests):
                more["limit"] = error.limit
        return cls(
            error.status,
            error.code,
            error.title,
            error.detail,
            error.field,
            headers=headers,
            more=more,
        )

    @classmethod
    def of_http(cls, error: HTTPException) -> Failure:
        """From what the router raises: no such path, no such method, an unreadable body."""
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "-")
        detail = f"{error.detail}." if error.detail != phrase else f"{phrase}."
        return cls(error.status_code, code, phrase, detail, headers=error.headers or {})

    @classmethod
    def of_validation(cls, error: RequestValidationError) -> Failure:
        """From values that do not fit a request's schema."""
        problems = error.errors()
        broken = next((each for each in problems if each["type"] == "json_invalid"), None)
        if broken is not None:
            why = broken.get("ctx", {}).get("error", "cannot be read")
            return cls.of(BadRequest(f"the body is not JSON: {why}"))
        errors = tuple((_field(each["loc"]), _explain(each)) for each in problems)
        name, detail = errors[0]
        text = f"{name}: {detail}" if name else detail
        return cls(
            InvalidInput.status,
            InvalidInput.code,
            InvalidInput.title,
            text,
            field=name or None,
            errors=errors if len(errors) > 1 else (),
        )

    @classmethod
    def unexpected(cls) -> Failure:
        """For errors that nobody foresaw: no details leave the service."""
        return cls(
            500,
            GroundworkError.code,
            GroundworkError.title,
            "Something went wrong here. The log has it under this trace id.",
        )

    def problem(self, trace_id: str) -> dict[str, Any]:
        """The RFC 9457 document."""
        document: dict[str, Any] = {
            "type": f"urn:groundwork:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        if self.errors:
            document["errors"] = [{"field": name, "detail": text} for name, text in self.errors]
        document.update(self.more)
        return {**document, "trace_id": trace_id}

    @property
    def openai_status(self) -> int:
        """OpenAI answers 400 to values that do not fit, not 422."""
        return 400 if self.status == InvalidInput.status else self.status

    def openai(self) -> dict[str, Any]:
        """The body of an OpenAI error."""
        return {
            "error": {
                "message": self.detail,
                "type": openai_type(self.status),
                "param": "model" if self.code == "index-missing" else self.field,
                "code": _OPENAI_CODES.get(self.code, self.code.replace("-", "_")),
            }
        }


def openai_type(status: int) -> str:
    """How OpenAI names this kind of error."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return _OPENAI_TYPES.get(status, kind)


def render(failure: Failure, scope: Scope) -> Response:
    """The response in the shape that the path's clients expect."""
    headers = dict(failure.headers)
    if scope["path"].startswith(_OPENAI_PATHS):
        return JSON(failure.openai(), failure.openai_status, headers)
    document = failure.problem(trace_of(scope).trace_id)
    return JSON(document, failure.status, headers, PROBLEM_MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Answer every foreseen error of a route; unforeseen ones are the middleware's."""

    async def on_groundwork_error(request: Request, error: Exception) -> Response:
        return _handled(error, GroundworkError, Failure.of, request)

    async def on_http_error(request: Request, error: Exception) -> Response:
        return _handled(error, HTTPException, Failure.of_http, request)

    async def on_invalid(request: Request, error: Exception) -> Response:
        return _handled(error, RequestValidationError, Failure.of_validation, request)

    app.add_exception_handler(GroundworkError, on_groundwork_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid)


def _handled(error: Exception, kind: type[Any], convert: Any, request: Request) -> Response:
    if not isinstance(error, kind):
        raise error
    failure: Failure = convert(error)
    # Counted by the middleware, with the request.
    request.scope.setdefault("state", {})["problem"] = failure.code
    return render(failure, request.scope)


def _field(location: Sequence[int | str]) -> str:
    """`("body", "history", 0, "role")` is "history[0].role"."""
    path = ""
    for step in location[1:] if location and location[0] in {"body", "path", "query"} else location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return _printable(path)


def _explain(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown field; leave it out"
    if problem["type"] == "missing":
        return "required"
    return _printable(str(problem["msg"]).removeprefix("Value error, "))


def _printable(text: str) -> str:
    """A caller's own words, safe to write: no half surrogates, no control characters, not endless."""
    encoded = text[:_MAX_ECHO].encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in encoded)
