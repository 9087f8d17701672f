"""How a model becomes a release: what every kind of model has to say to each step.

The steps are the same for all kinds and stand in `training`: data, prepare, train, evaluate, gate, register. Between two of
them there are files and nothing else, so that each may run in a process or on a machine of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from groundwork.core.datasets import DataVersion
from groundwork.core.progress import Progress
from groundwork.core.registry.base import Candidate, Line, Lineage, Registry
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.promotion import Carrier
from groundwork.core.registry.tracking import TrackedRun
from groundwork.core.settings import Settings

# (name, prose) of every page in folders of documentation; parsing is another part's.
ReadPages = Callable[[Sequence[Path], Progress], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Job:
    """One training. `data` is a folder or file, None where the kind can do without; `options` are the trainer's own."""

    line: Line
    data: Path | None = None
    seed: int = 7
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a trainer is made with by the composition root."""

    settings: Settings
    read_pages: ReadPages


class Trainer(Protocol):
    """A kind of model. Every method may be called in a new process, with what earlier ones left in files.

    The same job on the same code and data gives the same release id.
    """

    @property
    def kind(self) -> str:
        """One of `registry.base.KINDS`."""
        ...

    @property
    def default_name(self) -> str:
        """Of the line where none is given."""
        ...

    @property
    def options(self) -> Mapping[str, str]:
        """What it reads of a job's options, with the defaults; all of them are text."""
        ...

    def data(self, job: Job, champion: Path | None) -> DataVersion:
        """Check what arrived, and name it. `champion` is the folder of the champion's files, to compare with.

        Raises InvalidInput that says everything that is wrong.
        """
        ...

    def prepare(self, job: Job, into: Path, progress: Progress) -> None:
        """Write what training and evaluation both read: features, splits, generated examples. Often little or nothing."""
        ...

    def train(
        self, job: Job, prepared: Path, into: Path, progress: Progress, run: TrackedRun
    ) -> None:
        """Fit on the training part and write the release's files. Curves go to the run."""
        ...

    def evaluate(
        self, job: Job, prepared: Path, release: Path, name: str, progress: Progress
    ) -> Measured:
        """Measure the files of a release, the candidate's or any other's, on what the job holds out.

        `name` names the measurement. The examples are the same whatever the release is.
        """
        ...

    def candidate(
        self, job: Job, prepared: Path, release: Path, measured: Measured, lineage: Lineage
    ) -> Candidate:
        """The release of these files: its content, its files with `measured.json`, its figures and its card."""
        ...

    def shipped(self) -> Path | None:
        """The files of the release that comes with the package: the champion where the registry has none."""
        ...

    def carrier(self, registry: Registry) -> Carrier:
        """What has to be done when one of these goes live."""
        ...
