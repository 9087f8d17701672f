"""The whole life of a release at the smallest size: data, held-out examples, training, measuring, the candidate, the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from groundwork.classic.ocr import held_out
from groundwork.classic.ocr.data.fonts import SPLITS
from groundwork.classic.ocr.evaluate import folder_of
from groundwork.classic.ocr.loader import OcrLoader
from groundwork.classic.ocr.trainer import OcrTrainer, open_trainer
from groundwork.classic.trainer import Equipment, Job
from groundwork.classic.trainers import open_trainer as open_by_kind
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import OCR, Line, Lineage
from groundwork.core.registry.gate import GateSettings
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import submit
from groundwork.core.registry.tracking import MemoryTracker
from groundwork.core.settings import Settings
from tests.classic.ocr.fonts import book_of

JOB = Job(Line(OCR, "cards"), seed=3, options={"size": "smoke"})


def trainer_at(home: Path) -> OcrTrainer:
    for split in SPLITS:
        book_of(split)
    return open_trainer(Equipment(Settings(home=home), lambda _folders, _progress: []))


class Interrupted(Exception):
    """The machine went away."""


class Cut(NoProgress):
    """Ends the job when the second network's training begins."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        if name == "train locator":
            raise Interrupted


def test_from_drawing_to_the_gate(tmp_path: Path) -> None:
    trainer, tracker = trainer_at(tmp_path / "home"), MemoryTracker()
    prepared, folder = tmp_path / "prepared", tmp_path / "release"
    trainer.prepare(JOB, prepared, NoProgress())
    lines, cards = held_out.load(folder_of(prepared))
    assert (len(lines), len(cards)) == (12, 2)

    with tracker.run("ocr", "first", {}) as run, pytest.raises(Interrupted):
        trainer.train(JOB, prepared, folder, Cut(), run)
    assert not folder.exists()
    on = replace(JOB, options={**JOB.options, "resume": "yes"})
    with tracker.run("ocr", "second", {}) as run:
        trainer.train(on, prepared, folder, NoProgress(), run)
    # The recogniser was trained before the interruption, and is not trained again.
    assert "recogniser loss" in tracker.runs[0].curves
    assert "recogniser loss" not in tracker.runs[1].curves
    assert {"locator loss", "liner loss", "locator validation_loss"} <= set(tracker.runs[1].curves)
    assert not list((tmp_path / "home" / "ocr" / "training").iterdir())

    measured = trainer.evaluate(JOB, prepared, folder, "candidate", NoProgress())
    assert len(measured.examples) == 14
    assert set(measured.values("char_accuracy")) == {one.id for one in lines}
    assert set(measured.values("fields")) == {one.id for one in cards}
    candidate = trainer.candidate(JOB, prepared, folder, measured, Lineage())
    assert candidate.line == JOB.line
    page = candidate.files["validation.html"]
    assert isinstance(page, bytes)
    assert b"Worst lines" in page
    assert b"data:image/png" in page
    assert "groundwork train ocr --seed 3 --smoke" in candidate.card
    about = json.loads((folder / "release.json").read_text())
    assert about["data"] == trainer.data(JOB, None).digest

    registry = MemoryRegistry()
    done = submit(
        registry, candidate, measured, None, GateSettings.read(kind=OCR),
        actor="ada", carrier=trainer.carrier(registry),
    )  # fmt: skip
    # A few steps teach nothing: it is kept, and refused by the floors.
    assert not done.promoted
    assert any("below the floor" in one for one in done.verdict.reasons)
    reader = OcrLoader(Settings(home=tmp_path)).load(
        done.release, registry.files(done.release, tmp_path / "files")
    )
    assert reader.release == about["release"]


def test_the_data_are_named_by_what_is_drawn(tmp_path: Path) -> None:
    trainer = trainer_at(tmp_path)
    first, again = trainer.data(JOB, None), trainer.data(JOB, None)
    other = trainer.data(replace(JOB, seed=4), None)
    assert first.digest == again.digest != other.digest
    assert "seed 3" in first.source


def test_what_cannot_be(tmp_path: Path) -> None:
    trainer = trainer_at(tmp_path)
    with pytest.raises(InvalidInput, match="no size 'huge'"):
        trainer.data(replace(JOB, options={"size": "huge"}), None)
    with pytest.raises(InvalidInput, match=r"labels\.tsv"):
        trainer.data(replace(JOB, data=tmp_path), None)
    with pytest.raises(InvalidInput, match="no held-out examples"):
        held_out.load(tmp_path)


def test_it_is_found_by_kind(tmp_path: Path) -> None:
    found = open_by_kind(OCR, Equipment(Settings(home=tmp_path), lambda _folders, _progress: []))
    assert isinstance(found, OcrTrainer)
