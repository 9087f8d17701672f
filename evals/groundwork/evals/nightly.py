"""The nightly evaluation: measured, put before the gate, reported, logged and told. What follows the run cannot lose it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from groundwork.core.errors import GroundworkError, NotFound
from groundwork.core.progress import Progress
from groundwork.core.registry.base import ASSISTANT, CHAMPION, Line, Registry
from groundwork.core.registry.gate import GateSettings, Measured, Verdict, judge
from groundwork.core.registry.tracking import Tracker
from groundwork.core.settings import Settings
from groundwork.evals.evaluate import Job, evaluate
from groundwork.evals.report.files import HTML, write_report
from groundwork.evals.report.message import to_message
from groundwork.evals.report.summary import Summary
from groundwork.evals.store import Run, RunFolder, Runs
from groundwork.evals.tracking import note, track

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Night:
    """What came of a run. `tracked` is its run in MLflow, "" where it could not be logged; `troubles` say what went wrong."""

    folder: RunFolder
    summary: Summary
    verdict: Verdict
    tracked: str
    troubles: tuple[str, ...]

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.folder.path / HTML


@dataclass(frozen=True, slots=True)
class Outside:
    """What the run is told to; tests hand in their own."""

    open_registry: Callable[[Settings], Registry]
    open_tracker: Callable[[Settings], Tracker]


def outside() -> Outside:
    """MLflow as the settings name it."""
    from groundwork.core.registry.open import open_registry, open_tracker

    return Outside(open_registry, open_tracker)


def nightly(settings: Settings, job: Job, progress: Progress, told: Outside | None = None) -> Night:
    """Evaluate, and conclude. Raises what `evaluate` raises."""
    told = told or outside()
    return conclude(settings, evaluate(settings, job, progress, told.open_registry), told)


def conclude(
    settings: Settings,
    folder: RunFolder,
    told: Outside | None = None,
    *,
    post: bool = True,
    against: RunFolder | None = None,
    rules: GateSettings | None = None,
) -> Night:
    """Put a finished run before the gate, against the champion's run where there is one and else the run before; then
    write its report, log it, and post it where a channel is set. Doing it again logs it again.

    `against` is another run to compare with, `rules` are others than the bundled ones.
    """
    told = told or outside()
    troubles: list[str] = []
    runs = Runs(settings.home)
    former = against or _against(settings, runs, folder.run, told, troubles)
    verdict = verdict_on(folder, former, rules or GateSettings.read())
    summary = write_report(runs, folder, former, verdict)
    tracked = _log(settings, folder, summary, verdict, told, troubles)
    if post and settings.slack.report_channel is not None:
        text = to_message(summary, verdict)
        _tried(troubles, "it was not posted to Slack", lambda: _post(settings, text))
    return Night(folder, summary, verdict, tracked or "", tuple(troubles))


def verdict_on(candidate: RunFolder, champion: RunFolder | None, rules: GateSettings) -> Verdict:
    """What the gate says of a run; without a champion only floors count."""
    ours = measured(candidate)
    return judge(ours, None if champion is None else measured(champion), rules)


def measured(folder: RunFolder) -> Measured:
    """A run as the gate takes it."""
    run = folder.run
    return Measured.of_rows(run.id, folder.rows(), run.invalid)


def _against(
    settings: Settings, runs: Runs, run: Run, told: Outside, troubles: list[str]
) -> RunFolder | None:
    """The newest run of the champion on the same questions, else the run before."""

    def champions() -> RunFolder | None:
        registry = told.open_registry(settings)
        try:
            champion = registry.aliases(Line(ASSISTANT, run.index)).get(CHAMPION)
        finally:
            registry.close()
        if champion is None or champion == run.release:
            return None
        return runs.of(champion, run)

    found = _tried(troubles, "the champion is not known", champions)
    return found or runs.before(run)


def _log(
    settings: Settings,
    folder: RunFolder,
    summary: Summary,
    verdict: Verdict,
    told: Outside,
    troubles: list[str],
) -> str | None:
    def tracking() -> str:
        tracker = told.open_tracker(settings)
        try:
            return track(tracker, folder, summary, verdict)
        finally:
            tracker.close()

    def noting() -> bool:
        registry = told.open_registry(settings)
        try:
            return note(registry, folder, summary)
        finally:
            registry.close()

    again = f"again with: groundwork eval log {summary.run.id}"
    tracked = _tried(troubles, f"it was not logged; {again}", tracking)
    _tried(troubles, f"its release does not know of it; {again}", noting)
    return tracked


def _tried(troubles: list[str], failed: str, work: Callable[[], _T]) -> _T | None:
    """The run is on disk: what fails from here on is said, and can be done again."""
    try:
        return work()
    except GroundworkError as error:
        troubles.append(f"{failed} ({error.detail})")
        return None


def _post(settings: Settings, text: str) -> None:
    from groundwork.serving.slack.outbox import Outbox

    channel = settings.slack.report_channel
    if channel is None:
        raise NotFound("no channel is set", field="slack.report_channel")
    asyncio.run(Outbox.open(settings.slack).post(channel, text))
