"""An evaluation from the settings: what is asked, and who answers: the configured assistant or a registered release."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.core.errors import InvalidInput
from groundwork.core.progress import Progress
from groundwork.core.registry.base import ASSISTANT, Line, Registered
from groundwork.core.registry.release import Release
from groundwork.core.settings import Settings
from groundwork.evals.asking import Subject
from groundwork.evals.golden import load_examples
from groundwork.evals.metrics.judged import open_judge
from groundwork.evals.run import Plan, run
from groundwork.evals.store import RunFolder, Runs
from groundwork.serving.releases.load import AssistantLoader
from groundwork.serving.services import Services, build_services

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Job:
    """What to evaluate. `sets` are JSONL files or folders of them; `resume` is a run that was cut off.

    `release` is an id, or an alias or number in the index's line; None for the assistant that the settings make.
    """

    suite: str
    sets: tuple[Path, ...]
    index: str
    seed: int = 11
    resume: str | None = None
    release: str | None = None


def evaluate(
    settings: Settings,
    job: Job,
    progress: Progress,
    open_registry: Callable[[Settings], Registry] | None = None,
) -> RunFolder:
    """Run it and return its folder, with every question in it. The registry is asked where a release is wanted.

    Raises IndexMissing, NotFound (no such release), Conflict (it cannot be served here), EngineError (no judge).
    """
    examples = load_examples(job.sets)
    services = build_services(settings)
    try:
        with _subject(settings, job, services, open_registry) as subject:

            async def work() -> RunFolder:
                await services.greet_engines()
                judge = None
                try:
                    judge = await open_judge(
                        settings.judge, services.accounts, services.embedder.embed
                    )
                    plan = Plan(job.suite, examples, job.seed, judge)
                    return await run(plan, subject, Runs(settings.home), progress, job.resume)
                finally:
                    if judge is not None:
                        await judge.close()
                    await services.close_engines()

            return asyncio.run(work())
    finally:
        services.close()


@contextmanager
def _subject(
    settings: Settings,
    job: Job,
    services: Services,
    open_registry: Callable[[Settings], Registry] | None,
) -> Iterator[Subject]:
    if job.release is None:
        yield Subject(services.assistant, services.readers, job.index)
        return
    if services.parts is None:
        raise AssertionError("built services have parts")
    loader = AssistantLoader(settings, services.parts, services.assistant.guard)
    with tempfile.TemporaryDirectory() as temporary:
        opened = (open_registry or _open_registry)(settings)
        try:
            release = _find(opened, job)
            files = opened.files(release, Path(temporary))
        finally:
            opened.close()
        loaded = loader.load(release, files)
        try:
            index = Release.of(release.content).index
            readers = loaded.reader or services.readers
            yield Subject(loaded.assistant, readers, index, release.id)
        finally:
            loader.close(loaded)


def _open_registry(settings: Settings) -> Registry:
    from groundwork.core.registry.open import open_registry

    return open_registry(settings)


def _find(registry: Registry, job: Job) -> Registered:
    """The release that is meant: by id in any line, else in the index's."""
    if job.release is None:
        raise AssertionError("a release is meant")
    line = None if job.release.startswith("rel-") else Line(ASSISTANT, job.index)
    release = registry.find(job.release, line)
    if release.line.kind != ASSISTANT:
        raise InvalidInput(
            f"{release.id} is of {release.line}, and questions are asked of an assistant",
            field="release",
        )
    return release
