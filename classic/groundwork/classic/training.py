"""A model becomes a release: data, prepare, train, evaluate, gate, register. The same steps for every kind, here or in a pipeline.

Each step leaves files in a folder that appears when it is complete. One that finds its folder is done, so what was cut off
goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.trainer import Job, Trainer
from groundwork.core.datasets import DataVersion, lineage
from groundwork.core.datasets_store import DataStore
from groundwork.core.progress import Progress
from groundwork.core.registry.base import CHAMPION, Candidate, Line, Lineage, Registry
from groundwork.core.registry.gate import GateSettings, Measured, Verdict, judge
from groundwork.core.registry.measured import from_json, to_json
from groundwork.core.registry.promotion import Reason, Submitted, promote, submit
from groundwork.core.registry.revision import code_revision
from groundwork.core.registry.tracking import Tracker

_RELEASE, _RUN = "release", "run.json"
_CANDIDATE, _CHAMPION = "candidate.json", "champion.json"
# What a job reads where it names a version of a dataset and no folder.
DATA = "data:"


@dataclass(frozen=True, slots=True)
class Champion:
    """What a candidate has to beat: files of the champion, or of the release that ships. `release` is "" for the latter."""

    folder: Path
    release: str

    @property
    def name(self) -> str:
        """For people."""
        return self.release or "shipped"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate and champion on the same examples, and what the gate says."""

    measured: Measured
    champion: Measured | None
    verdict: Verdict


def find_data(spec: str | None, store: DataStore, into: Path, progress: Progress) -> Path | None:
    """The folder that a spec means: a path, `data:NAME` or `data:NAME@DIGEST` (brought here), None for nothing."""
    if not spec:
        return None
    if not spec.startswith(DATA):
        return Path(spec)
    version = store.find(spec.removeprefix(DATA))
    return store.get(version, into / f"{version.name}-{version.digest[:12]}", progress)


def find_champion(trainer: Trainer, registry: Registry, line: Line, into: Path) -> Champion | None:
    """The line's champion, brought into a folder; else the release that ships; else None."""
    release = registry.aliases(line).get(CHAMPION)
    if release is not None:
        found = registry.find(release, line)
        return Champion(registry.files(found, into / release), release)
    shipped = trainer.shipped()
    return None if shipped is None else Champion(shipped, "")


def version_data(
    trainer: Trainer, job: Job, champion: Champion | None, store: DataStore
) -> DataVersion:
    """Check the data and keep it as a version. Raises InvalidInput where the trainer refuses it."""
    version = trainer.data(job, champion.folder if champion else None)
    if version.files and job.data is not None:
        return store.add(
            version.name, job.data, source=version.source or job.data.name, parents=version.parents
        )
    return store.record(version)


def prepare(trainer: Trainer, job: Job, into: Path, progress: Progress) -> None:
    """What training and evaluation both read."""
    if not into.is_dir():
        with whole(into) as fresh:
            trainer.prepare(job, fresh, progress)


def train(
    trainer: Trainer, job: Job, prepared: Path, into: Path, progress: Progress, tracker: Tracker
) -> None:
    """Fit, as a run of the tracker. The release's files come to stand in `into/release`."""
    if into.is_dir():
        return
    params = {"line": str(job.line), "seed": str(job.seed), **job.options}
    with tracker.run(f"train-{trainer.kind}", str(job.line), params) as run, whole(into) as fresh:
        (fresh / _RELEASE).mkdir()
        trainer.train(job, prepared, fresh / _RELEASE, progress, run)
        (fresh / _RUN).write_bytes(orjson.dumps({"run": run.id}))


def evaluate(
    trainer: Trainer,
    job: Job,
    prepared: Path,
    trained: Path,
    champion: Champion | None,
    into: Path,
    progress: Progress,
) -> Comparison:
    """Measure the candidate and the champion on the same examples, and put both before the gate."""
    if not into.is_dir():
        with whole(into) as fresh:
            ours = trainer.evaluate(job, prepared, trained / _RELEASE, "candidate", progress)
            (fresh / _CANDIDATE).write_bytes(to_json(ours))
            if champion is not None:
                theirs = trainer.evaluate(job, prepared, champion.folder, champion.name, progress)
                (fresh / _CHAMPION).write_bytes(to_json(theirs))
    return compare(trainer.kind, into)


def compare(kind: str, evaluated: Path) -> Comparison:
    """What the gate says of what `evaluate` wrote."""
    ours = from_json((evaluated / _CANDIDATE).read_bytes())
    file = evaluated / _CHAMPION
    theirs = from_json(file.read_bytes()) if file.is_file() else None
    return Comparison(ours, theirs, judge(ours, theirs, GateSettings.read(kind=kind)))


def register(
    trainer: Trainer,
    job: Job,
    registry: Registry,
    folders: Mapping[str, Path],
    version: DataVersion,
    champion: Champion | None,
    *,
    actor: str,
) -> Submitted:
    """Register the candidate, and promote it where the gate passes it. `folders` has prepared, trained and evaluated."""
    compared = compare(trainer.kind, folders["evaluated"])
    made = candidate(trainer, job, folders, version, champion, compared.measured)
    return submit(
        registry,
        made,
        compared.measured,
        compared.champion,
        GateSettings.read(kind=trainer.kind),
        actor=actor,
        carrier=trainer.carrier(registry),
    )


def candidate(
    trainer: Trainer,
    job: Job,
    folders: Mapping[str, Path],
    version: DataVersion,
    champion: Champion | None,
    measured: Measured,
) -> Candidate:
    """The release with where it comes from: data, code, the champion of its day, and the run."""
    run: dict[str, Any] = orjson.loads((folders["trained"] / _RUN).read_bytes())
    from_where = Lineage(
        data=lineage([version]),
        code=code_revision(),
        parents=(champion.release,) if champion is not None and champion.release else (),
        run=run["run"],
    )
    return trainer.candidate(
        job, folders["prepared"], folders["trained"] / _RELEASE, measured, from_where
    )


def force(trainer: Trainer, registry: Registry, submitted: Submitted, actor: str) -> Submitted:
    """Promote what the gate refused, because a person said so."""
    reason = Reason(actor, "promoted against the gate", submitted.verdict.to_dict())
    release = promote(registry, submitted.release, reason, trainer.carrier(registry))
    return replace(submitted, release=release, promoted=True)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to write to, which takes its name when the block ends, and never where it fails."""
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    fresh.rename(folder)
