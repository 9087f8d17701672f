"""Training all three networks, and writing them as a release's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.alphabet import CHARACTERS, readable
from groundwork.classic.ocr.data.folder import Crop
from groundwork.classic.ocr.data.fonts import TRAIN, FontBook
from groundwork.classic.ocr.data.lines import fitted, lines
from groundwork.classic.ocr.model import ALPHABET, LINER, LOCATOR, RECOGNISER
from groundwork.classic.ocr.recogniser.shards import Pool, Sample
from groundwork.classic.ocr.sizes import Size
from groundwork.classic.ocr.training import Point, Schedule
from groundwork.core.progress import Progress

if TYPE_CHECKING:
    from groundwork.core.registry.tracking import TrackedRun

CURVES = "curves.json"
_VALIDATION = 300
# Beside the seeds of what is trained on.
_VALIDATION_SEED = 1_000_003


@dataclass(frozen=True, slots=True)
class Trained:
    """What training took: CPU-seconds of each network over all its resumptions, and its curves."""

    seconds: dict[str, float]
    curves: dict[str, list[dict[str, Any]]]


def train_all(
    size: Size,
    seed: int,
    work: Path,
    crops: Sequence[Crop],
    follow: Callable[[str, Point], None],
    progress: Progress,
) -> Trained:
    """Train what is not trained yet. `work` keeps shards and checkpoints: called again after an interruption, it goes on.

    The networks' ONNX files are in `work` afterwards, by their names in a release.
    """
    curves: dict[str, list[dict[str, Any]]] = {}
    seconds: dict[str, float] = {}
    for name, network in (("recogniser", _recogniser), ("locator", _finder), ("liner", _finder)):
        steps: int = getattr(size, f"{name}_steps")
        progress.stage(f"train {name}", total=steps, unit="steps")

        def log(point: Point, name: str = name) -> None:
            progress.advance(100, f"loss {point.loss:.3f}")
            follow(name, point)

        network(name, size, seed, work, crops, log)
        curves[name] = _curve(work / name)
        seconds[name] = curves[name][-1]["cpu_s"] if curves[name] else 0.0
    return Trained(seconds, curves)


def _recogniser(
    name: str,
    size: Size,
    seed: int,
    work: Path,
    crops: Sequence[Crop],
    log: Callable[[Point], None],
) -> None:
    import torch

    from groundwork.classic.ocr.export import to_onnx
    from groundwork.classic.ocr.recogniser.train import Learned, train_recogniser

    book = FontBook.find(TRAIN)
    validation = [
        Sample(one.pixels, one.text) for one in lines(book, _VALIDATION_SEED + seed, _VALIDATION)
    ]
    learned = Learned(
        validation,
        [Sample(fitted(one.pixels()), text) for one in crops if (text := readable(one.text))],
        size.columns,
    )
    pool = Pool(work / name / "lines", seed, size.recogniser_shards, size.shard_lines)
    schedule = Schedule(size.recogniser_steps, 2e-3, seed, measure_every=500)
    module = train_recogniser(schedule, pool, work / name, learned, log)
    axes = {"in": {0: "n", 3: "w"}, "out": {0: "n", 1: "t"}}
    raw = to_onnx(module, torch.zeros(1, 1, 32, 64), axes, 8)
    (work / RECOGNISER).write_bytes(raw)
    (work / ALPHABET).write_text(
        json.dumps({"characters": CHARACTERS}, ensure_ascii=False) + "\n", "utf-8"
    )


def _finder(
    name: str,
    size: Size,
    seed: int,
    work: Path,
    _crops: Sequence[Crop],
    log: Callable[[Point], None],
) -> None:
    import torch

    from groundwork.classic.ocr.export import to_onnx
    from groundwork.classic.ocr.finder.network import SIDE
    from groundwork.classic.ocr.finder.train import train_finder

    steps: int = getattr(size, f"{name}_steps")
    schedule = Schedule(steps, 3e-3, seed, measure_every=500)
    module = train_finder(
        name, schedule, (size.finder_shards, size.finder_samples), work / name, log
    )
    if name == "locator":
        raw = to_onnx(module, torch.zeros(1, 3, SIDE, SIDE), {"in": {0: "n"}, "out": {0: "n"}}, 8)
        (work / LOCATOR).write_bytes(raw)
    else:
        sides = {0: "n", 2: "h", 3: "w"}
        raw = to_onnx(module, torch.zeros(1, 1, 64, 96), {"in": sides, "out": sides}, 8)
        (work / LINER).write_bytes(raw)


def _curve(folder: Path) -> list[dict[str, Any]]:
    path = folder / "curves.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tracked(run: TrackedRun) -> Callable[[str, Point], None]:
    """Points as metrics of a run, by network."""

    def follow(name: str, point: Point) -> None:
        values = {f"{name} loss": point.loss, f"{name} rate": point.rate}
        values |= {f"{name} {measure}": value for measure, value in point.measured.items()}
        run.metrics(values, point.step)

    return follow
