"""OpenAI's published schemas as validators, where the data folder that holds them is at hand."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_SPEC = "openai-spec/openapi.json"


def validate(name: str, instance: Any) -> None:
    """Raises ValidationError; skips the test where the specification is absent."""
    _validator(name).validate(instance)


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"urn:openai#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=_registry())


@cache
def _registry() -> Registry[Any]:
    path = _folder() / _SPEC
    if not path.exists():
        pytest.skip(f"{_SPEC} is not at hand; GROUNDWORK_SHARED_DATA names the folder it is in")
    document = _with_nulls(json.loads(path.read_text()))
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry()
    filled: Registry[Any] = registry.with_resource("urn:openai", resource)
    return filled


def _folder() -> Path:
    named = os.environ.get("GROUNDWORK_SHARED_DATA")
    return Path(named) if named else Path(__file__).parents[2].parent / "shared" / "data"


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it.

    The document calls itself 3.1, where `nullable` means nothing: read to the letter it forbids
    the `finish_reason: null` that OpenAI itself sends in every chunk but the last.
    """
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {name: _with_nulls(value) for name, value in node.items()}
    if schema.pop("nullable", False) is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
