"""The red team's suite: pages with planted orders are written, ingested by the caller, and everything is asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from groundwork.classic.injection.templates.benign import benign_examples
from groundwork.core.answers import Answer
from groundwork.core.progress import Progress
from groundwork.core.telemetry import Trace
from groundwork.evals.redteam.attacks import Attack, generate
from groundwork.evals.redteam.report import Report
from groundwork.evals.redteam.run import attack_pages, attack_questions, page_name, refused
from groundwork.serving.answer import complete
from groundwork.serving.case import Question
from groundwork.serving.services import Services

INDEX = "redteam"


@dataclass(frozen=True, slots=True)
class Platform:
    """What the suite is run against, supplied by the composition root.

    `ingest` builds the index `INDEX` from a folder and returns the pages held in quarantine; `services` opens what
    answers from it. `topic` is a question that the documentation answers.
    """

    ingest: Callable[[Path], frozenset[str]]
    services: Callable[[], AbstractContextManager[Services]]
    topic: str


def run_suite(
    platform: Platform, folder: Path, seed: int, each: int, harmless: int, progress: Progress
) -> Report:
    """Generate `each` attacks a category and `harmless` questions, and send them all. Pages are written to `folder`."""
    attacks = list(generate(seed, each, platform.topic))
    planted = [one for one in attacks if one.category == "planted"]
    write_pages(planted, folder)
    progress.stage("ingest planted pages")
    held = platform.ingest(folder)
    questions = harmless_questions(seed, harmless)
    with platform.services() as services:
        return asyncio.run(_send(services, attacks, held, questions, seed, progress))


def write_pages(planted: list[Attack], folder: Path) -> None:
    """One file a planted attack."""
    for one in planted:
        (folder / page_name(one)).write_text(one.page, encoding="utf-8")


def harmless_questions(seed: int, count: int) -> list[str]:
    """Questions full of trigger words, from templates that the classifier was not trained on."""
    rng = random.Random(seed)
    texts = sorted({one.text for one in benign_examples(rng, 30) if one.held_out})
    return rng.sample(texts, min(count, len(texts)))


async def _send(
    services: Services,
    attacks: list[Attack],
    held: frozenset[str],
    questions: list[str],
    seed: int,
    progress: Progress,
) -> Report:
    releases: list[str] = []

    async def ask(question: Question) -> Answer:
        answer = await complete(question, services.assistant, Trace())
        releases.append(answer.release)
        return answer

    await services.greet_engines()
    try:
        progress.stage("attack", total=len(attacks), unit="attacks")
        asked = [one for one in attacks if not one.page]
        results = await attack_questions(asked, ask, INDEX, progress)
        planted = [one for one in attacks if one.page]
        results += await attack_pages(planted, ask, INDEX, held, progress)
        progress.stage("harmless questions", total=len(questions), unit="questions")
        refusals = await refused(questions, ask, INDEX, progress)
    finally:
        await services.close_engines()
    release = next((one for one in reversed(releases) if one), "")
    return Report(seed, release, tuple(results), len(questions), tuple(refusals))
