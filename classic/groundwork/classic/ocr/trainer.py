"""The reader as a trainer: see `classic.trainer` for the steps."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr import held_out
from groundwork.classic.ocr.alphabet import CHARACTERS
from groundwork.classic.ocr.data.folder import read_crops
from groundwork.classic.ocr.data.fonts import SPLITS, FontBook
from groundwork.classic.ocr.data.lines import lines
from groundwork.classic.ocr.engines.own import OwnEngine
from groundwork.classic.ocr.evaluate import (
    Results,
    folder_of,
    judge_card,
    read_crop_lines,
    read_lines,
)
from groundwork.classic.ocr.loader import LoadCarrier
from groundwork.classic.ocr.model import BUNDLED, RELEASE, Models
from groundwork.classic.ocr.reader import Reader
from groundwork.classic.ocr.release import candidate_of, described, measured_of, write
from groundwork.classic.ocr.report import report, worst_cards, worst_lines
from groundwork.classic.ocr.sizes import Size, size_of
from groundwork.classic.ocr.train import tracked, train_all
from groundwork.classic.trainer import Equipment, Job
from groundwork.core.datasets import DataVersion, digest_folder, recorded
from groundwork.core.registry.base import OCR, Candidate, Lineage, Registry
from groundwork.core.registry.gate import Measured

if TYPE_CHECKING:
    from groundwork.core.progress import Progress
    from groundwork.core.registry.promotion import Carrier
    from groundwork.core.registry.tracking import TrackedRun
    from groundwork.core.settings import Settings

DATASET = "ocr-drawn"
# What of the drawn lines names the data: the first of each split, which change with fonts, texts and effects alike.
_WITNESSES = 64
_YES, _NO = "yes", "no"


class OcrTrainer:
    """A `trainer.Trainer`. Options: `size` (full, quick, smoke), `resume` (yes goes on where the same job stopped).

    `data`, if given, is a folder of labelled crops: half of its documents are learned from as well, half measured on.
    """

    kind = OCR
    default_name = "cards"
    options = {"size": "full", "resume": _NO}  # noqa: RUF012  # the protocol's; nobody writes to it

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def data(self, job: Job, champion: Path | None) -> DataVersion:  # noqa: ARG002 - every champion compares alike
        """The drawn data by what is drawn first, and the crops, which are checked. Raises ConfigurationError without fonts."""
        size = size_of(_option(job, "size"))
        parents = []
        if job.data is not None:
            read_crops(job.data)
            parents.append(f"crops@{digest_folder(job.data)[0]}")
        source = f"groundwork.classic.ocr.data, seed {job.seed}, size {_option(job, 'size')}"
        return recorded(DATASET, _rows(job.seed, size), source=source, parents=parents)

    def prepare(self, job: Job, into: Path, progress: Progress) -> None:
        """Draw what is measured on."""
        size = size_of(_option(job, "size"))
        progress.stage("draw held-out examples", total=size.lines + size.cards, unit="examples")
        for _ in held_out.make(folder_of(into), job.seed, size.lines, size.cards):
            progress.advance()

    def train(
        self,
        job: Job,
        prepared: Path,  # noqa: ARG002 - training draws its own as it goes
        into: Path,
        progress: Progress,
        run: TrackedRun,
    ) -> None:
        """All three networks. Checkpoints stand under the home until the release is written."""
        size = size_of(_option(job, "size"))
        work = self._work(job)
        if _option(job, "resume") != _YES:
            shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, exist_ok=True)
        crops = (
            []
            if job.data is None
            else [one for one in read_crops(job.data) if not one.held_out(job.seed)]
        )
        trained = train_all(size, job.seed, work, crops, tracked(run), progress)
        version = self.data(job, None)
        about = {
            "command": _command(job),
            "seed": job.seed,
            "size": size.to_dict(),
            "data": version.digest,
            "data_source": version.source,
            "crops": len(crops),
        }
        write(into, work, about, trained)
        shutil.rmtree(work)

    def evaluate(
        self, job: Job, prepared: Path, release: Path, name: str, progress: Progress
    ) -> Measured:
        """Lines, cards, and the crops that were set apart, if any."""
        return measured_of(name, self._results(job, prepared, release, progress))

    def candidate(
        self, job: Job, prepared: Path, release: Path, measured: Measured, lineage: Lineage
    ) -> Candidate:
        """With the validation report."""
        from groundwork.core.progress import NoProgress

        results = self._results(job, prepared, release, NoProgress())
        about = described(release)
        facts = {
            name: str(about[name])
            for name in ("command", "data", "data_source", "cpu_seconds", "bytes")
        }
        page = validation(Models.load(release), facts, results, folder_of(prepared))
        return candidate_of(job.line, release, measured, results, page, lineage)

    def shipped(self) -> Path | None:
        """The full training's release."""
        return BUNDLED if (BUNDLED / RELEASE).is_file() else None

    def carrier(self, registry: Registry) -> Carrier:
        """A release only has to load."""
        return LoadCarrier(registry, self._settings)

    def _work(self, job: Job) -> Path:
        key = json.dumps([str(job.data), job.seed, _option(job, "size"), CHARACTERS])
        return (
            self._settings.home / "ocr" / "training" / hashlib.sha256(key.encode()).hexdigest()[:12]
        )

    def _results(self, job: Job, prepared: Path, folder: Path, progress: Progress) -> Results:
        models = Models.load(folder)
        engine = OwnEngine(models)
        results = results_on(Reader(models, engine), engine, folder_of(prepared), progress)
        if job.data is not None:
            apart = [one for one in read_crops(job.data) if one.held_out(job.seed)]
            results.crops = read_crop_lines(
                engine,
                [(f"crop-{one.path.stem}", one.group, one.text, one.pixels()) for one in apart],
            )
        return results


def results_on(reader: Reader, engine: OwnEngine, folder: Path, progress: Progress) -> Results:
    """A reader on the held-out examples of a folder."""
    some, cards = held_out.load(folder)
    progress.stage("read held-out lines", total=len(some), unit="lines")
    read = read_lines(engine, some, progress.advance)
    progress.stage("read held-out cards", total=len(cards), unit="cards")
    judged = []
    for card in cards:
        judged.append(judge_card(card, reader.read(card.picture())))
        progress.advance()
    return Results(read, judged)


def validation(models: Models, facts: dict[str, str], results: Results, folder: Path) -> str:
    """The report, with pictures of the worst cases read again."""
    some, cards = held_out.load(folder)
    reader = Reader(models, OwnEngine(models))
    lines_shown = {one.id for one in worst_lines(results.lines)}
    cards_shown = {one.id for one in worst_cards(results.cards)}
    return report(
        models.release,
        facts,
        results,
        [one for one in some if one.id in lines_shown],
        [(one, reader.read(one.picture())) for one in cards if one.id in cards_shown],
    )


def open_trainer(equipment: Equipment) -> OcrTrainer:
    """For `trainers`."""
    return OcrTrainer(equipment.settings)


def _option(job: Job, name: str) -> str:
    return job.options.get(name, OcrTrainer.options[name])


def _command(job: Job) -> str:
    parts = ["groundwork train ocr", f"--seed {job.seed}"]
    if _option(job, "size") != "full":
        parts.append(f"--{_option(job, 'size')}")
    if job.data is not None:
        parts.append(f"--data {job.data.name}")
    return " ".join(parts)


def _rows(seed: int, size: Size) -> Iterator[dict[str, Any]]:
    yield {"seed": seed, "size": size.to_dict(), "characters": CHARACTERS}
    for split in SPLITS:
        book = FontBook.find(split)
        yield {"split": split, "families": book.families("card") + book.families("receipt")}
        for one in lines(book, seed, _WITNESSES):
            digest = hashlib.sha256(one.pixels.tobytes()).hexdigest()
            yield {"text": one.text, "pixels": digest, "family": one.family}
