"""Composition of an evaluation: the assistant as it is configured, the bundled set, the bundled gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.cli.compose import open_services
from groundwork.cli.first_run import ensure_index
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from groundwork.core.registry.gate import GateSettings, Verdict
    from groundwork.core.settings import Settings
    from groundwork.evals.report.summary import Summary
    from groundwork.evals.store import RunFolder


def default_sets() -> tuple[Path, ...]:
    """The bundled golden set. Raises InvalidInput where there is none."""
    folder = _bundled("golden")
    if folder is None:
        raise InvalidInput("there is no bundled set here; name one with --set", field="set")
    return (folder,)


def gate_settings(path: Path | None) -> GateSettings:
    """The gate's rules for the assistant, by default the bundled ones. Raises ConfigurationError."""
    from groundwork.core.registry.gate import GateSettings

    return GateSettings.read(path)


def evaluate_set(
    settings: Settings,
    suite: str,
    sets: Sequence[Path],
    index: str,
    seed: int,
    resume: str | None = None,
) -> RunFolder:
    """Run a set and return its folder, with every question in it."""
    import asyncio

    from groundwork.evals.asking import Subject
    from groundwork.evals.golden import load_examples
    from groundwork.evals.metrics.judged import open_judge
    from groundwork.evals.run import Plan, run
    from groundwork.evals.store import Runs

    examples = load_examples(sets)
    ensure_index(settings)
    progress = ConsoleProgress()
    with open_services(settings) as services:

        async def work() -> RunFolder:
            await services.greet_engines()
            judge = None
            try:
                judge = await open_judge(settings.judge, services.accounts, services.embedder.embed)
                subject = Subject(services, settings, index)
                plan = Plan(suite, examples, seed, judge)
                return await run(plan, subject, Runs(settings.home), progress, resume)
            finally:
                if judge is not None:
                    await judge.close()
                await services.close_engines()

        try:
            return asyncio.run(work())
        finally:
            progress.close()


def write_report(
    folder: RunFolder, former: RunFolder | None, verdict: Verdict | None = None
) -> Summary:
    """report.html, report.md and summary.json beside the rows."""
    import orjson

    from groundwork.evals.report.html import to_html
    from groundwork.evals.report.markdown import to_markdown, verdict_markdown
    from groundwork.evals.report.summary import summarise

    summary = summarise(folder, former)
    said = "" if verdict is None else "\n" + verdict_markdown(verdict)
    folder.write("report.html", to_html(summary, verdict))
    folder.write("report.md", to_markdown(summary) + said)
    folder.write(
        "summary.json", orjson.dumps(summary.to_dict(), option=orjson.OPT_INDENT_2).decode() + "\n"
    )
    return summary


def lint_sets(settings: Settings, sets: Sequence[Path], docs: Path | None) -> tuple[int, list[str]]:
    """How many questions there are, and what is wrong with them."""
    from groundwork.evals.golden import lint, load_examples, read_corpus
    from groundwork.serving.prompts.library import PromptLibrary

    if docs is None or not docs.is_dir():
        missing = "are no bundled guides here" if docs is None else f"is no folder {docs}"
        raise InvalidInput(f"there {missing}; name the pages with --docs", field="docs")
    examples = load_examples(sets)
    prompts = PromptLibrary(settings.generator.prompts).all()
    texts = [prompt.source for prompt in prompts]
    return len(examples), lint(examples, read_corpus(docs), texts)


def _bundled(name: str) -> Path | None:
    for parent in Path(__file__).resolve().parents:
        found = parent / "evals" / name
        if found.exists() and (parent / "pyproject.toml").is_file():
            return found
    return None
