"""An assistant as files: the settings that decide its answers, its prompts, its policy and its prices.

What differs between machines stays out: addresses, keys and time limits of engines are each machine's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.core.registry.base import ASSISTANT, Candidate, Line, Lineage
from groundwork.core.settings import (
    ConversationSettings,
    EngineSettings,
    GeneratorSettings,
    RetrievalSettings,
    Settings,
)
from groundwork.serving.assistant import Assistant
from groundwork.serving.prompts.file import Prompt
from groundwork.serving.releases.card import card_of

RECIPE = "recipe.json"
POLICY = "policy.yaml"
PRICES = "prices.json"
# How an engine is reached is no part of a release; which model it serves is, through the generator's identity.
_REACHED_BY = frozenset(EngineSettings.model_fields) - {"model", "tier"}
_LOCAL = _REACHED_BY | {"more", "prompts", "passthrough"}


def line_of(index: str) -> Line:
    """Each index has releases of its own."""
    return Line(ASSISTANT, index)


def candidate_of(
    assistant: Assistant, index: str, version: str, settings: Settings, lineage: Lineage
) -> Candidate:
    """The assistant with one version of an index, as the registry takes it."""
    release = assistant.release(index, version)
    files: dict[str, bytes | Path] = {
        RECIPE: _json(_recipe(settings)),
        POLICY: _policy(assistant),
        PRICES: _prices(assistant),
        **{_file_name(prompt): Path(prompt.source) for prompt in assistant.prompts},
    }
    lineage = Lineage(
        {**lineage.data, f"index:{index}": version}, lineage.code, lineage.parents, lineage.run
    )
    return Candidate(
        line_of(index), release.content, files, lineage, card=card_of(release, assistant)
    )


def settings_of(folder: Path, base: Settings) -> Settings:
    """The settings that the files in `folder` ask for, with this machine's engines. Raises InvalidInput."""
    try:
        recipe = orjson.loads((folder / RECIPE).read_bytes())
        retrieval = RetrievalSettings(**recipe["retrieval"])
        conversation = ConversationSettings(
            **{**base.conversation.model_dump(), **recipe["conversation"]}
        )
        rails = base.rails.model_copy(update={"enabled": True, "policy": folder / POLICY})
        generator = _generator(recipe["generator"], folder, base.generator)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder / RECIPE} is no recipe: {error}", field="release") from None
    update = {
        "retrieval": retrieval,
        "conversation": conversation,
        "rails": rails,
        "generator": generator,
    }
    return base.model_copy(update=update)


def _recipe(settings: Settings) -> dict[str, Any]:
    kept = {"rewrite", "max_history_tokens"}
    return {
        "retrieval": settings.retrieval.model_dump(mode="json"),
        "generator": settings.generator.model_dump(mode="json", exclude=set(_LOCAL)),
        "conversation": settings.conversation.model_dump(mode="json", include=kept),
    }


def _generator(recipe: dict[str, Any], folder: Path, base: GeneratorSettings) -> GeneratorSettings:
    local = {name: getattr(base, name) for name in _LOCAL - {"prompts"}}
    # Prompts of a language model mean nothing to what quotes.
    prompts = _prompts_beside(folder) if base.engines else None
    return GeneratorSettings(**{**recipe, **local, "prompts": prompts})


def _prompts_beside(folder: Path) -> Path | None:
    """The release's prompts in a folder of their own: a prompt library takes every YAML file for a prompt."""
    found = [path for path in folder.glob("*.yaml") if path.name != POLICY]
    if not found:
        return None
    apart = folder / "prompts"
    apart.mkdir(exist_ok=True)
    for path in found:
        # Whoever reads it meanwhile finds it whole.
        fresh = apart / f".{path.name}.new"
        fresh.write_bytes(path.read_bytes())
        fresh.replace(apart / path.name)
    return apart


def _policy(assistant: Assistant) -> bytes:
    import yaml

    said = assistant.guard.policy.file.model_dump(mode="json", exclude_none=True)
    text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _prices(assistant: Assistant) -> bytes:
    book = assistant.books.prices
    rows = [
        {"model": model, "meter": meter, "picodollars": price}
        for (model, meter), price in sorted(book.prices.items())
    ]
    return _json({"name": book.name, "currency": book.currency, "prices": rows})


def _file_name(prompt: Prompt) -> str:
    return f"{prompt.name}.{prompt.version}.yaml"


def _json(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
