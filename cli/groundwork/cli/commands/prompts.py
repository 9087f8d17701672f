"""groundwork prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option

if TYPE_CHECKING:
    from groundwork.serving.prompts import Prompt, PromptLibrary


@click.group()
def prompts() -> None:
    """List and show the prompts that a language model is asked with."""


def _library() -> PromptLibrary:
    from groundwork.serving.prompts import PromptLibrary

    return PromptLibrary(load().generator.prompts)


@prompts.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all prompts, bundled and your own, each version with its last change."""
    found = _library().all()
    if as_json:
        echo_json({"prompts": [_as_dict(prompt) for prompt in found]})
        return
    rows = [(prompt.id, prompt.digest, prompt.changelog[-1]) for prompt in found]
    echo_table([("PROMPT", "DIGEST", "CHANGED"), *rows])


@prompts.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the prompt NAME, or NAME@VERSION: its file as it is."""
    from pathlib import Path

    prompt = _library().get(name)
    text = Path(prompt.source).read_text(encoding="utf-8")
    if as_json:
        echo_json({**_as_dict(prompt), "file": text})
    else:
        click.echo(f"# {prompt.source}\n{text}", nl=False)


def _as_dict(prompt: Prompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "digest": prompt.digest,
        "source": prompt.source,
        "changelog": list(prompt.changelog),
        "settings": prompt.settings.model_dump(),
        "variables": sorted(prompt.variables),
        "sentinel": prompt.sentinel,
    }
