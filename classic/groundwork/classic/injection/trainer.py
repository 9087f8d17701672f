"""The injection classifier as a trainer: see `classic.trainer` for the steps."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.classic.injection.data import Corpus, Host, collect
from groundwork.classic.injection.evaluate import measured as measured_of
from groundwork.classic.injection.evaluate import score
from groundwork.classic.injection.model import BUNDLED, WEIGHTS, unpack
from groundwork.classic.injection.open import bundled_embedder
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.classic.injection.release import RELEASE, describe, write
from groundwork.classic.injection.release import candidate as candidate_of
from groundwork.classic.injection.templates.grammar import Example
from groundwork.classic.injection.train import train
from groundwork.classic.trainer import Equipment, Job
from groundwork.core.datasets import DataVersion, now
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import INJECTION, Candidate, Lineage, Registered, Registry
from groundwork.core.registry.gate import Measured

if TYPE_CHECKING:
    from groundwork.core.progress import Progress
    from groundwork.core.registry.promotion import Carrier
    from groundwork.core.registry.tracking import TrackedRun
    from groundwork.retrieval.embed.base import Embedder

DATASET = "injection"
_CORPUS = "corpus.json"


class InjectionTrainer:
    """A `trainer.Trainer`. The option `pages` names folders of clean documentation, with commas; the guides if empty.

    `target` is the folder that the rail reads its classifier from; models/injection under the home if None.
    """

    kind = INJECTION
    default_name = "default"
    options = {"pages": ""}  # noqa: RUF012  # the protocol's; nobody writes to it

    def __init__(
        self, equipment: Equipment, target: Path | None = None, embedder: Embedder | None = None
    ) -> None:
        self._settings = equipment.settings
        self._read_pages = equipment.read_pages
        self._target = target or equipment.settings.models / "injection"
        self._embedder = embedder

    def data(self, job: Job, champion: Path | None) -> DataVersion:  # noqa: ARG002  # every champion compares alike
        """Templates, the labelled sets, and the pages that are planted in."""
        corpus = self._collect(job, NoProgress())
        rows = len(corpus.prompts) + len(corpus.orders) + len(corpus.hosts)
        made_of = ", ".join(f"{count} {name}" for name, count in corpus.sources.items())
        return DataVersion(DATASET, corpus.digest(), (), rows, now(), f"seed {job.seed}: {made_of}")

    def prepare(self, job: Job, into: Path, progress: Progress) -> None:
        """The corpus, so that the pages are read once."""
        (into / _CORPUS).write_bytes(orjson.dumps(asdict(self._collect(job, progress))))

    def train(
        self, job: Job, prepared: Path, into: Path, progress: Progress, run: TrackedRun
    ) -> None:
        """Both heads."""
        corpus = _corpus(prepared)
        trained = train(corpus, self._open(), job.seed, progress)
        run.metrics({f"rows {name}": float(count) for name, count in trained.counts.items()})
        write(into, trained.raw, describe(trained, corpus, job.seed))

    def evaluate(
        self, job: Job, prepared: Path, release: Path, name: str, progress: Progress
    ) -> Measured:
        """On every group that is held out."""
        progress.stage("evaluate")
        classifier = InjectionClassifier.load(self._open, release)
        return measured_of(name, score(classifier, _corpus(prepared), job.seed))

    def candidate(
        self,
        job: Job,
        prepared: Path,  # noqa: ARG002  # the corpus is in the measurement already
        release: Path,
        measured: Measured,
        lineage: Lineage,
    ) -> Candidate:
        """The weights, and what they reach."""
        return candidate_of(job.line, release, measured, lineage)

    def shipped(self) -> Path | None:
        """What the rail uses now where the registry knows of none: one trained here before, else the package's."""
        return next((at for at in (self._target, BUNDLED) if (at / WEIGHTS).is_file()), None)

    def carrier(self, registry: Registry) -> Carrier:
        """The rail reads a folder of this machine."""
        return FolderCarrier(registry, self._target)

    def _open(self) -> Embedder:
        if self._embedder is None:
            self._embedder = bundled_embedder(self._settings)
        return self._embedder

    def _collect(self, job: Job, progress: Progress) -> Corpus:
        named = [Path(one) for one in job.options.get("pages", "").split(",") if one]
        return collect(job.data, self._read_pages(named, progress), job.seed)


class FolderCarrier:
    """A `promotion.Carrier`: the weights go where the rail looks for them."""

    def __init__(self, registry: Registry, target: Path) -> None:
        self._registry, self._target = registry, target

    def check(self, release: Registered) -> None:
        """It loads. Raises ConfigurationError."""
        with tempfile.TemporaryDirectory() as temporary:
            files = self._registry.files(release, Path(temporary))
            unpack((files / WEIGHTS).read_bytes())

    def carry(self, release: Registered) -> None:
        """Into the folder."""
        with tempfile.TemporaryDirectory() as temporary:
            files = self._registry.files(release, Path(temporary))
            about: dict[str, Any] = orjson.loads((files / RELEASE).read_bytes())
            write(self._target, (files / WEIGHTS).read_bytes(), about)


def open_trainer(equipment: Equipment) -> InjectionTrainer:
    """For `trainers`."""
    return InjectionTrainer(equipment)


def _corpus(prepared: Path) -> Corpus:
    data = orjson.loads((prepared / _CORPUS).read_bytes())
    return Corpus(
        prompts=[Example(**one) for one in data["prompts"]],
        orders=[Example(**one) for one in data["orders"]],
        hosts=[Host(**one) for one in data["hosts"]],
        sources=data["sources"],
    )
