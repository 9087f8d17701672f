"""What /openapi.json says beyond what the routes' types say: errors, streams, headers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from groundwork.serving.api.openai_shapes import ChatShape
from groundwork.serving.api.problems import PROBLEM_MEDIA_TYPE, openai_type
from groundwork.serving.api.shapes import AnswerShape, SearchShape

Responses = dict[int | str, dict[str, Any]]

_MODELS_WITH_NULLS: tuple[type[BaseModel], ...] = (AnswerShape, SearchShape, ChatShape)
_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong and the way out (RFC 9457).",
    "required": ["type", "title", "status", "detail", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "The input at fault."},
        "errors": {
            "type": "array",
            "description": "Every input at fault, where there are several.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "budget": {"type": "object", "description": "The budget that has not enough left."},
        "limit": {"type": "object", "description": "The rate limit that was reached."},
        "trace_id": {"type": "string"},
    },
}
_OPENAI_ERROR = {
    "type": "object",
    "title": "OpenAIError",
    "description": "An error in OpenAI's shape.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
# Status: what it means here, the problem's code, an example of the detail and of the field at fault.
_MEANINGS: dict[int, tuple[str, str, str, str | None]] = {
    400: ("The body is not JSON.", "bad-request", "the body is not JSON: Expecting value", None),
    401: (
        "No key, or one that is not valid.",
        "unauthenticated",
        "this key was revoked; send a valid one as Authorization: Bearer or x-api-key",
        "key",
    ),
    402: (
        "A budget has not enough left; `budget` says what is, and when it begins anew.",
        "budget-exceeded",
        "the month's budget of team search has 0.02 USD left, and this may cost 0.05; it begins anew at 2026-12-01T00:00:00Z",
        "budget",
    ),
    403: (
        "Called by another site's page, or by a name other than loopback.",
        "forbidden",
        "requests from another site's pages are refused",
        None,
    ),
    404: ("Nothing by that name.", "index-missing", "no index named handbook", "index"),
    405: ("Not with this method.", "method-not-allowed", "Method Not Allowed.", None),
    413: ("The body is too large.", "payload-too-large", "the body may have 262,144 bytes", None),
    415: (
        "The body is not declared as JSON.",
        "unsupported-media-type",
        "text/plain is not read here; send application/json",
        None,
    ),
    422: ("A value cannot be accepted.", "invalid-input", "the question is empty", "question"),
    429: (
        "A rate limit is reached, or the engine has no room left; `Retry-After` says when to try again.",
        "engine-full",
        "the engine default is writing 32 answers and 64 more wait; try again shortly",
        None,
    ),
    502: (
        "The engine refused, broke off, or sent what cannot be read.",
        "engine-broken",
        "the engine default broke off in the middle of its answer",
        None,
    ),
    504: (
        "The engine took too long.",
        "engine-timeout",
        "the engine default took too long: waited for the first token",
        None,
    ),
    503: (
        "Too busy, or an engine does not answer; `Retry-After` says when to try again.",
        "unavailable",
        "64 answers are being written already; try again shortly",
        None,
    ),
}
_OPENAI_EXAMPLES: dict[int, dict[str, Any]] = {
    400: {"message": "n must be 1", "param": "n", "code": "invalid_value"},
    404: {"message": "no model gpt-5", "param": "model", "code": "model_not_found"},
}

COST_HEADERS = {
    "X-Groundwork-Cost": {
        "description": "What the request cost in US dollars, a decimal string.",
        "schema": {"type": "string"},
        "example": "0.00000006894",
    }
}


def problems(*statuses: int) -> Responses:
    """Problem documents for a route's `responses`."""
    return {status: _problem_response(status) for status in statuses}


def openai_errors(*statuses: int) -> Responses:
    """The same in OpenAI's shape."""
    return {status: _openai_response(status) for status in statuses}


def event_stream(example: str, *events: str) -> dict[str, Any]:
    """A `content` entry for a stream; its schema is that of one event. Without names events are unnamed."""
    properties: dict[str, Any] = {"data": {"type": "string", "description": "JSON, or [DONE]."}}
    if events:
        properties["event"] = {"type": "string", "enum": list(events)}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"text/event-stream": {"schema": schema, "example": example}}


def describe_errors(app: FastAPI) -> None:
    """Add the error schemas to the app's document, and drop the framework's own, which are never sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = _PROBLEM
            schemas["OpenAIError"] = _OPENAI_ERROR
            for model in _MODELS_WITH_NULLS:
                # The framework drops the nulls of examples, also where a field must be there.
                schemas[model.__name__]["examples"] = model.model_json_schema()["examples"]
            for operations in document["paths"].values():
                for operation in operations.values():
                    _drop_framework_errors(operation["responses"])
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way to extend it


def _drop_framework_errors(responses: dict[str, Any]) -> None:
    unprocessable = responses.get("422", {})
    if "HTTPValidationError" in str(unprocessable):
        del responses["422"]


def _problem_response(status: int) -> dict[str, Any]:
    meaning, code, detail, field = _MEANINGS[status]
    example: dict[str, Any] = {
        "type": f"urn:groundwork:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        example["field"] = field
    example["trace_id"] = _TRACE_ID
    return {
        "description": meaning,
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }


def _openai_response(status: int) -> dict[str, Any]:
    meaning, code, detail, field = _MEANINGS[status]
    example = _OPENAI_EXAMPLES.get(
        status, {"message": detail, "param": field, "code": code.replace("-", "_")}
    )
    kind = openai_type(status)
    return {
        "description": "A value cannot be accepted." if status == 400 else meaning,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/OpenAIError"},
                "example": {"error": {**example, "type": kind}},
            }
        },
    }
