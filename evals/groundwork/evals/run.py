"""A run: every question of a set through the real assistant, scored, one row after the other."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from groundwork.core.errors import Conflict
from groundwork.core.progress import Progress
from groundwork.evals.asking import Subject
from groundwork.evals.golden import Example, set_digest
from groundwork.evals.metrics import answer as answers
from groundwork.evals.metrics import retrieval
from groundwork.evals.metrics.judged import Judge
from groundwork.evals.metrics.ragas import Ragas
from groundwork.evals.rows import Row
from groundwork.evals.store import Run, RunFolder, Runs
from groundwork.retrieval.passages import Passage


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `seed` decides the intervals' draws; the questions are asked in their order."""

    suite: str
    examples: Sequence[Example]
    seed: int = 11
    judge: Judge | None = None


async def run(
    plan: Plan, subject: Subject, runs: Runs, progress: Progress, resume: str | None = None
) -> RunFolder:
    """Run what is missing and finish. Raises IndexMissing, Conflict (another release than the run began with)."""
    now = _describe(plan, subject)
    folder = runs.open(resume) if resume else RunFolder(runs.folder / now.id)
    if resume:
        _check(folder.run, now)
        folder.mend()
    else:
        folder.begin(now)
    done = {row.id for row in folder.rows()}
    missing = [one for one in plan.examples if one.id not in done]
    pages = {place.partition("#")[0] for one in plan.examples for place in one.gold}
    places = subject.places(pages)
    ragas = Ragas(subject.embedder.embed)
    if plan.judge is not None:
        plan.judge.spent = sum(row.judge_picodollars for row in folder.rows())
    answers_as = subject.release
    progress.stage("evaluating", len(missing), "questions")
    for example in missing:
        row, passages = await subject.ask(example)
        _same_release(row, answers_as)
        scored = await _scored(example, row, passages, places, subject, ragas)
        folder.append(await plan.judge.judged(example, scored) if plan.judge else scored)
        progress.advance()
    folder.finish(_now(), plan.judge.verdict(folder.rows()) if plan.judge else "")
    return folder


async def _scored(
    example: Example,
    row: Row,
    passages: Sequence[Passage],
    places: set[str],
    subject: Subject,
    ragas: Ragas,
) -> Row:
    scores: dict[str, float | None] = {
        **answers.score(example, row),
        "support": answers.support_share(row, passages, subject.embedder.embed),
        **retrieval.score(example, row, places),
        **await ragas.score(example, row),
    }
    rounded = {name: None if one is None else round(one, 6) for name, one in scores.items()}
    return replace(row, scores=rounded)


def _describe(plan: Plan, subject: Subject) -> Run:
    stamp = datetime.now(UTC)
    return Run(
        id=f"{stamp:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        suite=plan.suite,
        set_digest=set_digest(plan.examples),
        questions=len(plan.examples),
        index=subject.index,
        index_version=subject.version,
        release=subject.registered or subject.release,
        seed=plan.seed,
        judge=plan.judge.identity if plan.judge else "",
        started_at=_now(),
    )


def _check(begun: Run, now: Run) -> None:
    if begun.finished_at is not None:
        raise Conflict(f"run {begun.id} is finished", field="resume")
    if not begun.same_work(now):
        raise Conflict(
            f"run {begun.id} began with {begun.release} and the set {begun.set_digest}; now it would be "
            f"{now.release} and {now.set_digest}; start a new run",
            field="resume",
        )


def _same_release(row: Row, answers_as: str) -> None:
    """A promotion in the middle of a run would mix two releases in one score."""
    if row.outcome != "failed" and row.release != answers_as:
        raise Conflict(
            f"the release changed from {answers_as} to {row.release} during the run; start a new one"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
