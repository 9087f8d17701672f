"""Composition of an evaluation: the assistant as it is configured, the bundled set, the bundled gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.first_run import ensure_index
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from groundwork.core.registry.gate import GateSettings
    from groundwork.core.settings import Settings
    from groundwork.evals.evaluate import Job
    from groundwork.evals.nightly import Night
    from groundwork.evals.store import RunFolder


def default_sets() -> tuple[Path, ...]:
    """The bundled golden set. Raises InvalidInput where there is none."""
    from groundwork.evals.golden import bundled_set

    folder = bundled_set()
    if folder is None:
        raise InvalidInput("there is no bundled set here; name one with --set", field="set")
    return (folder,)


def gate_settings(path: Path | None) -> GateSettings:
    """The gate's rules for the assistant, by default the bundled ones. Raises ConfigurationError."""
    from groundwork.core.registry.gate import GateSettings

    return GateSettings.read(path)


def evaluate_job(settings: Settings, job: Job) -> RunFolder:
    """Run a set and return its folder, with every question in it; where nothing is indexed yet, the guides are."""
    from groundwork.evals.evaluate import evaluate

    ensure_index(settings)
    progress = ConsoleProgress()
    try:
        return evaluate(settings, job, progress)
    finally:
        progress.close()


def conclude_nightly(settings: Settings, folder: RunFolder, *, post: bool = True) -> Night:
    """Gate, report, MLflow, Slack; what did not work is said on standard error."""
    from groundwork.evals.nightly import conclude

    night = conclude(settings, folder, post=post)
    for trouble in night.troubles:
        click.echo(f"groundwork: {trouble}", err=True)
    return night


def lint_sets(settings: Settings, sets: Sequence[Path], docs: Path | None) -> tuple[int, list[str]]:
    """How many questions there are, and what is wrong with them."""
    from groundwork.evals.golden import lint, load_examples, read_corpus
    from groundwork.serving.prompts.library import PromptLibrary

    if docs is None or not docs.is_dir():
        missing = "are no bundled guides here" if docs is None else f"is no folder {docs}"
        raise InvalidInput(f"there {missing}; name the pages with --docs", field="docs")
    examples = load_examples(sets)
    prompts = PromptLibrary(settings.generator.prompts).all()
    texts = [Path(prompt.source).read_text(encoding="utf-8") for prompt in prompts]
    return len(examples), lint(examples, read_corpus(docs), texts)
