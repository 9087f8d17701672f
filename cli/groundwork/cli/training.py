"""What the training commands are composed of; the steps are those of the pipeline `train`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.output import echo_json, echo_table
from groundwork.cli.progress import ConsoleProgress
from groundwork.cli.releases import actor, opened_registry
from groundwork.core.errors import GateRefused
from groundwork.core.registry.base import Line

if TYPE_CHECKING:
    from groundwork.classic.trainer import Equipment, Trainer
    from groundwork.core.progress import Progress
    from groundwork.core.registry.base import Registry
    from groundwork.core.registry.gate import Verdict
    from groundwork.core.registry.promotion import Submitted
    from groundwork.core.registry.tracking import Tracker
    from groundwork.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command wants trained. `data` is a folder or `data:NAME@DIGEST`; `apart` keeps it out of the registry."""

    name: str | None
    data: str | None
    seed: int
    options: dict[str, str]
    no_gate: bool = False
    apart: bool = False


def equipment(settings: Settings) -> Equipment:
    """What trainers are made with; pages are the bundled guides where none are named."""
    from groundwork.classic.trainer import Equipment
    from groundwork.cli.commands.ingest import default_docs
    from groundwork.ingestion.prose import read_prose

    def read(folders: Sequence[Path], progress: Progress) -> list[tuple[str, str]]:
        bundled = default_docs()
        return read_prose(folders or ([bundled] if bundled else []), progress)

    return Equipment(settings, read)


def train_and_print(settings: Settings, trainer: Trainer, wish: Wish, *, as_json: bool) -> None:
    """Train, put before the gate, promote. Raises GateRefused where it says no, and what the steps raise."""
    progress = ConsoleProgress()
    try:
        submitted = _train(settings, trainer, wish, progress)
    finally:
        progress.close()
    release, verdict = submitted.release, submitted.verdict
    if as_json:
        echo_json(
            {
                "release": release.id,
                "line": str(release.line),
                "promoted": submitted.promoted,
                "refusal": None if verdict.passed else "; ".join(verdict.reasons),
                "metrics": dict(release.metrics),
                "verdict": verdict.to_dict(),
            }
        )
    else:
        _print(verdict)
        state = "is champion" if submitted.promoted else "was not promoted"
        click.echo(f"{release.id} of {release.line} {state}")
    if not submitted.promoted:
        raise GateRefused(f"{release.id} is registered and refused: {'; '.join(verdict.reasons)}")


def _train(settings: Settings, trainer: Trainer, wish: Wish, progress: Progress) -> Submitted:
    import tempfile

    from groundwork.classic import training
    from groundwork.classic.trainer import Job
    from groundwork.core.datasets_store import DataStore

    store = DataStore(settings.data_url)
    line = Line(trainer.kind, wish.name or trainer.default_name)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        registry, tracker = _kept(stack, settings, apart=wish.apart)
        champion = training.find_champion(trainer, registry, line, work / "champion")
        data = training.find_data(wish.data, store, work / "data", progress)
        job = Job(line, data, wish.seed, {**trainer.options, **wish.options})
        version = training.version_data(trainer, job, champion, store)
        folders = {name: work / name for name in ("prepared", "trained", "evaluated")}
        training.prepare(trainer, job, folders["prepared"], progress)
        training.train(trainer, job, folders["prepared"], folders["trained"], progress, tracker)
        training.evaluate(
            trainer, job, folders["prepared"], folders["trained"], champion, folders["evaluated"], progress
        )  # fmt: skip
        submitted = training.register(
            trainer, job, registry, folders, version, champion, actor=actor()
        )
        if not submitted.promoted and wish.no_gate:
            return training.force(trainer, registry, submitted, actor())
        return submitted


def _kept(stack: ExitStack, settings: Settings, *, apart: bool) -> tuple[Registry, Tracker]:
    if apart:
        from groundwork.core.registry.memory import MemoryRegistry
        from groundwork.core.registry.tracking import MemoryTracker

        return MemoryRegistry(), MemoryTracker()
    from groundwork.core.registry.open import open_tracker

    registry = stack.enter_context(opened_registry(settings))
    tracker = open_tracker(settings)
    stack.callback(tracker.close)
    return registry, tracker


def _print(verdict: Verdict) -> None:
    rows = [("HELD OUT", "CANDIDATE", "CHAMPION", "DIFFERENCE (95 %)", "FLOOR")]
    for one in verdict.metrics:
        told: dict[str, Any] = one.to_dict()
        between = told["interval"]
        rows.append(
            (
                str(told["metric"]),
                _number(told["candidate"]),
                _number(told["champion"]),
                "-" if between is None else f"{between[0]:+.3f} to {between[1]:+.3f}",
                _number(told["floor"]),
            )
        )
    echo_table(rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
