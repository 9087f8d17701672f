"""GET /v1/models: every index with a live version is a model."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from groundwork.core.errors import IndexMissing
from groundwork.retrieval.index.base import IndexStore
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import openai_errors
from groundwork.serving.api.openai_shapes import ModelShape, ModelsShape
from groundwork.serving.api.responses import JSON
from groundwork.serving.api.schemas import INDEX_PATTERN, MAX_INDEX_CHARS

router = APIRouter(tags=["openai"])

MODEL = "groundwork"
_INDEX = re.compile(INDEX_PATTERN)


def index_of(model: str, default: str) -> str:
    """The index that a model's name stands for. Raises IndexMissing for a name of another form."""
    prefix, slash, name = model.partition("/")
    if prefix == MODEL and not slash:
        return default
    if prefix == MODEL and len(name) <= MAX_INDEX_CHARS and _INDEX.fullmatch(name):
        return name
    raise no_such_model(model)


def no_such_model(model: str) -> IndexMissing:
    """OpenAI's clients know this as model_not_found."""
    shown = model[:100].encode("utf-8", "backslashreplace").decode()
    return IndexMissing(
        f"no model {shown}; GET /v1/models lists them: {MODEL} for the default index, "
        f"{MODEL}/<index> for another",
        field="model",
    )


@router.get(
    "/v1/models",
    summary="List the indexes that can be asked",
    response_model=None,
    responses={
        200: {"model": ModelsShape, "description": "One model an index, and the default one."},
        **openai_errors(403, 503),
    },
)
async def list_models(request: Request) -> Response:
    """OpenAI's list of models."""
    context = context_of(request)
    models = await asyncio.to_thread(
        _models, context.services.index_store, context.settings.index.default
    )
    return JSON({"object": "list", "data": models})


@router.get(
    "/v1/models/{model_id:path}",
    summary="Look one of them up",
    response_model=None,
    responses={
        200: {"model": ModelShape, "description": "The model."},
        **openai_errors(403, 404, 503),
    },
)
async def read_model(
    model_id: Annotated[str, Path(examples=["groundwork/docs"])], request: Request
) -> Response:
    """OpenAI's single model."""
    context = context_of(request)
    index = index_of(model_id, context.settings.index.default)
    created = await asyncio.to_thread(_created, context.services.index_store, index)
    if created is None:
        raise no_such_model(model_id)
    return JSON(_model(model_id, created))


def _models(store: IndexStore, default: str) -> list[dict[str, Any]]:
    created = {name: _created(store, name) for name in store.names()}
    live = {name: seconds for name, seconds in created.items() if seconds is not None}
    models = [_model(MODEL, live[default])] if default in live else []
    return models + [_model(f"{MODEL}/{name}", seconds) for name, seconds in live.items()]


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
