"""The steps of the pipeline `train`: those of `classic.training`, with paths for what stands between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic import training
from groundwork.classic.trainer import Equipment, Job, Trainer
from groundwork.classic.trainers import open_trainer
from groundwork.core.datasets import DataVersion
from groundwork.core.datasets_store import DataStore
from groundwork.core.progress import Progress
from groundwork.core.registry.base import Line
from groundwork.core.registry.gate import Verdict
from groundwork.core.settings import Settings, load
from groundwork.ingestion.prose import read_prose
from groundwork.pipelines.compose import bundled_guides
from groundwork.pipelines.report import page, table
from groundwork.pipelines.steps.desk import desk_hears
from groundwork.pipelines.steps.live import actor
from groundwork.pipelines.steps.step import Step, keep_result, read_json, step, write_json

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registry

# What a job is between steps: kind, name, data, seed, options.
JobData = Mapping[str, Any]


def describe(
    kind: str, name: str, data: str, seed: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The job as the steps hand it on; the trainer's own defaults filled in. Raises InvalidInput."""
    trainer = open_trainer(kind, equipment(load()))
    given = {key: str(value) for key, value in options.items()}
    return {
        "kind": kind,
        "name": name or trainer.default_name,
        "data": data,
        "seed": int(seed),
        "options": {**trainer.options, **given},
    }


def data(job: JobData, into: str) -> str:
    """Check the data, against the champion's, and keep it as a version; its digest comes back."""
    with _at_work("data", job) as (one, trainer, known), _registry(one.settings) as registry:
        work = _work(one.settings)
        champion = training.find_champion(trainer, registry, known.line, work / "champion")
        store = DataStore(one.settings.data_url)
        with desk_hears(one.settings, job):
            version = training.version_data(trainer, known, champion, store)
        Path(into).parent.mkdir(parents=True, exist_ok=True)
        Path(into).write_bytes(version.to_json())
        one.done = f"{version.name}@{version.digest[:12]}, {version.rows or 0:,} rows"
        return version.digest


def features(job: JobData, into: str) -> None:
    """What training and evaluation both read."""
    with _at_work("features", job) as (one, trainer, known):
        training.prepare(trainer, known, Path(into), one)


def train(job: JobData, prepared: str, into: str) -> None:
    """Fit; a run of the tracker."""
    from groundwork.core.registry.open import open_tracker

    with _at_work("train", job) as (one, trainer, known):
        tracker = open_tracker(one.settings)
        try:
            training.train(trainer, known, Path(prepared), Path(into), one, tracker)
        finally:
            tracker.close()


def evaluate(
    job: JobData, prepared: str, trained: str, into: str, figures: dict[str, float]
) -> None:
    """Measure candidate and champion on the same examples; means go into `figures`."""
    with _at_work("evaluate", job) as (one, trainer, known), _registry(one.settings) as registry:
        work = _work(one.settings)
        champion = training.find_champion(trainer, registry, known.line, work / "champion")
        folder = Path(into)
        compared = training.evaluate(
            trainer, known, Path(prepared), Path(trained), champion, folder, one
        )
        write_json(
            str(folder / "against.json"), {"release": champion.release if champion else None}
        )
        figures |= {
            metric.rule.metric: round(metric.candidate, 6)
            for metric in compared.verdict.metrics
            if metric.candidate is not None
        }
        one.done = "against " + (champion.name if champion else "nothing")


def gate(job: JobData, evaluated: str, report_into: str) -> str:
    """Why the candidate must not become champion, "" where it may. Writes an HTML page."""
    with step("gate") as one:
        verdict = training.compare(str(job["kind"]), Path(evaluated)).verdict
        refusal = "; ".join(verdict.reasons)
        Path(report_into).parent.mkdir(parents=True, exist_ok=True)
        Path(report_into).write_text(_page(job, verdict), encoding="utf-8")
        one.done = refusal or "passed"
        return refusal


def register(
    job: JobData, version_at: str, prepared: str, trained: str, evaluated: str
) -> dict[str, Any]:
    """Register the candidate with all of this, and promote it where the gate passes it."""
    with _at_work("register", job) as (one, trainer, known), _registry(one.settings) as registry:
        against = read_json(str(Path(evaluated) / "against.json"))["release"]
        champion = None
        if against is not None:
            champion = training.Champion(Path(), against)
        submitted = training.register(
            trainer,
            known,
            registry,
            {"prepared": Path(prepared), "trained": Path(trained), "evaluated": Path(evaluated)},
            DataVersion.from_json(Path(version_at).read_bytes()),
            champion,
            actor=actor(),
        )
        release, verdict = submitted.release, submitted.verdict
        one.done = f"{release.id} " + ("is champion" if submitted.promoted else "was refused")
        told = {
            "release": release.id,
            "line": str(release.line),
            "promoted": submitted.promoted,
            "unchanged": release.id == against,
            # Not None: a parameter of a pipeline cannot hold it.
            "refusal": "; ".join(verdict.reasons),
            **{name: round(value, 6) for name, value in release.metrics.items()},
        }
        keep_result(one.settings, told)
        return told


def equipment(settings: Settings) -> Equipment:
    """What trainers are made with: pages are the bundled guides where none are named."""

    def read(folders: Sequence[Path], progress: Progress) -> list[tuple[str, str]]:
        guides = bundled_guides()
        return read_prose(folders or ([guides] if guides else []), progress)

    return Equipment(settings, read)


@contextmanager
def _at_work(name: str, job: JobData) -> Iterator[tuple[Step, Trainer, Job]]:
    with step(name) as one:
        trainer = open_trainer(str(job["kind"]), equipment(one.settings))
        store = DataStore(one.settings.data_url)
        folder = training.find_data(job["data"], store, _work(one.settings) / "data", one)
        options = {key: str(value) for key, value in job["options"].items()}
        line = Line(str(job["kind"]), str(job["name"]))
        yield one, trainer, Job(line, folder, int(job["seed"]), options)


@contextmanager
def _registry(settings: Settings) -> Iterator[Registry]:
    from groundwork.core.registry.open import open_registry

    registry = open_registry(settings)
    try:
        yield registry
    finally:
        registry.close()


def _work(settings: Settings) -> Path:
    """Where versions of data and champions are brought; both are checked by digest, so they may stay."""
    return settings.home / "pipelines" / "work"


def _page(job: JobData, verdict: Verdict) -> str:
    rows = []
    for one in verdict.metrics:
        told = one.to_dict()
        between = told["interval"]
        rows.append(
            (
                str(told["metric"]),
                _number(told["candidate"]),
                _number(told["champion"]),
                "" if between is None else f"{between[0]:+.4f} to {between[1]:+.4f}",
                _number(told["floor"]),
                told["refused"] or "",
            )
        )
    head = ("Metric", "Candidate", "Champion", "Difference (95 %)", "Floor", "Refused")
    said = "; ".join(verdict.reasons) or "passed"
    title = f"{job['kind']}/{job['name']}: {said}"
    options = [(f"option {key}", str(value)) for key, value in job["options"].items()]
    facts = [(key, str(value)) for key, value in job.items() if key != "options"]
    return page(title, table(head, rows), table(("", ""), [*facts, *options]))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
