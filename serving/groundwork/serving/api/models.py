"""GET /v1/models: every index with a live version is a model, and so is each of its generators.

A model's name is `groundwork[/index][:generator]`: without an index the default one, without a generator the one
that fits the question.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from groundwork.core.errors import IndexMissing, NotFound
from groundwork.core.metering.callers import ASK
from groundwork.retrieval.index.base import IndexStore
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import openai_errors
from groundwork.serving.api.openai_shapes import ModelShape, ModelsShape
from groundwork.serving.api.responses import JSON
from groundwork.serving.api.schemas import INDEX_PATTERN, MAX_INDEX_CHARS
from groundwork.serving.generate.router import check_wanted, generator_names

router = APIRouter(tags=["openai"])

MODEL = "groundwork"
# Before the name of an engine that is to answer by itself (passthrough).
ENGINE = "engine/"
_INDEX = re.compile(INDEX_PATTERN)


def index_of(model: str, default: str) -> tuple[str, str | None]:
    """The index and the generator that a model's name stands for; no generator where it names none.

    Whether they exist is found out later. Raises IndexMissing for a name of another form.
    """
    path, colon, generator = model.partition(":")
    prefix, slash, name = path.partition("/")
    if prefix != MODEL or (colon and not generator):
        raise no_such_model(model)
    wanted = generator if colon else None
    if not slash:
        return default, wanted
    if len(name) <= MAX_INDEX_CHARS and _INDEX.fullmatch(name):
        return name, wanted
    raise no_such_model(model)


def no_such_model(model: str) -> IndexMissing:
    """OpenAI's clients know this as model_not_found."""
    shown = model[:100].encode("utf-8", "backslashreplace").decode()
    return IndexMissing(
        f"no model {shown}; GET /v1/models lists them: {MODEL} for the default index, "
        f"{MODEL}/<index> for another, with :<generator> behind it for one generator",
        field="model",
    )


@router.get(
    "/v1/models",
    summary="List the indexes and generators that can be asked",
    response_model=None,
    responses={
        200: {
            "model": ModelsShape,
            "description": "One model an index, the default one, and each with its generators.",
        },
        **openai_errors(401, 403, 503),
    },
)
async def list_models(request: Request) -> Response:
    """OpenAI's list of models."""
    await caller_of(request, ASK)
    context = context_of(request)
    services = context.services
    models = await asyncio.to_thread(
        _models,
        services.index_store,
        context.settings.index.default,
        generator_names(services.assistant.generator),
    )
    if context.settings.generator.passthrough:
        models += [_model(f"{ENGINE}{name}", 0) for name in services.engines]
    return JSON({"object": "list", "data": models})


@router.get(
    "/v1/models/{model_id:path}",
    summary="Look one of them up",
    response_model=None,
    responses={
        200: {"model": ModelShape, "description": "The model."},
        **openai_errors(401, 403, 404, 503),
    },
)
async def read_model(
    model_id: Annotated[str, Path(examples=["groundwork/docs"])], request: Request
) -> Response:
    """OpenAI's single model."""
    await caller_of(request, ASK)
    context = context_of(request)
    if context.settings.generator.passthrough and model_id.startswith(ENGINE):
        if model_id.removeprefix(ENGINE) not in context.services.engines:
            raise no_such_model(model_id)
        return JSON(_model(model_id, 0))
    index, wanted = index_of(model_id, context.settings.index.default)
    try:
        check_wanted(wanted, context.services.assistant.generator)
    except NotFound:
        raise no_such_model(model_id) from None
    created = await asyncio.to_thread(_created, context.services.index_store, index)
    if created is None:
        raise no_such_model(model_id)
    return JSON(_model(model_id, created))


def _models(store: IndexStore, default: str, generators: tuple[str, ...]) -> list[dict[str, Any]]:
    """The default index, then all by name; each followed by its generators where there is a choice."""
    created = {name: _created(store, name) for name in store.names()}
    live = {name: seconds for name, seconds in created.items() if seconds is not None}
    found = [(MODEL, live[default])] if default in live else []
    found += [(f"{MODEL}/{name}", seconds) for name, seconds in live.items()]
    suffixes = ["", *(f":{name}" for name in generators)] if len(generators) > 1 else [""]
    return [_model(f"{model}{suffix}", seconds) for model, seconds in found for suffix in suffixes]


def _created(store: IndexStore, index: str) -> int | None:
    version = store.alias(index)
    if version is None:
        return None
    for info in store.versions(index):
        if info.version == version:
            return int(datetime.fromisoformat(info.created_at).timestamp())
    return None


def _model(model: str, created: int) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": created, "owned_by": MODEL}
