"""The loop: interrupted and resumed, what a checkpoint holds, and that an export computes what the module computes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from groundwork.classic.ocr.data.cards.face import draw_face
from groundwork.classic.ocr.data.fonts import TRAIN
from groundwork.classic.ocr.data.lines import draw_line
from groundwork.classic.ocr.export import to_onnx
from groundwork.classic.ocr.finder.network import liner, locator
from groundwork.classic.ocr.finder.samples import line_targets, liner_sample, locator_sample
from groundwork.classic.ocr.recogniser.batches import batched, by_width
from groundwork.classic.ocr.recogniser.network import build
from groundwork.classic.ocr.recogniser.shards import Pool, read, write
from groundwork.classic.ocr.training import Point, Run, Schedule, Task
from tests.classic.ocr.fonts import book_of


def _points() -> Iterator[Any]:
    rng = np.random.default_rng(0)
    while True:
        x = torch.from_numpy(rng.standard_normal((8, 4, 1, 1), dtype=np.float32))
        yield x, x.sum(dim=1)[:, 0, 0]


def _fit(module: Any, batch: Any, _device: str) -> Any:
    x, wanted = batch
    return ((module(x)[:, 0, 0, 0] - wanted) ** 2).mean()


TASK = Task(
    _fit, lambda module, _device: {"weight": float(next(module.parameters()).detach().abs().sum())}
)


def _net() -> Any:
    return torch.nn.Conv2d(4, 1, 1)


class Stop(Exception):
    """Pulled the plug."""


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    schedule = Schedule(steps=400, rate=0.02, measure_every=200)
    run = Run(_net, schedule, tmp_path)

    def stop(point: Point) -> None:
        if point.step == 200:
            run.save()
            raise Stop

    with pytest.raises(Stop):
        run.train(_points(), TASK, stop)
    again = Run(_net, schedule, tmp_path)
    assert again.step == 200
    assert again.spent > 0
    seen: list[Point] = []
    module = again.train(_points(), TASK, seen.append)
    assert [one.step for one in seen] == [300, 400]
    assert seen[-1].measured["weight"] == pytest.approx(4, abs=0.6)
    assert seen[-1].loss < 0.05
    assert seen[-1].rate < seen[0].rate
    assert Run(_net, schedule, tmp_path).done
    kept = [json.loads(row)["step"] for row in (tmp_path / "curves.jsonl").read_text().splitlines()]
    assert kept == [100, 200, 300, 400]
    assert not module.training


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize(
    ("make", "shape"),
    [(build, (2, 1, 32, 96)), (locator, (1, 3, 224, 224)), (liner, (1, 1, 96, 160))],
)
def test_an_export_computes_what_the_module_computes(
    make: Any, shape: tuple[int, ...], bits: Any
) -> None:
    torch.manual_seed(3)
    module = make().eval()
    axes = (
        {0: "n", 3: "w"}
        if make is build
        else {0: "n"}
        if make is locator
        else {0: "n", 2: "h", 3: "w"}
    )
    out = {0: "n", 1: "t"} if make is build else axes
    raw = to_onnx(module, torch.zeros(1, *shape[1:]), {"in": axes, "out": out}, bits)
    x = np.random.default_rng(1).random(shape, dtype=np.float32)
    [found] = onnxruntime.InferenceSession(raw).run(None, {"in": x})
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < (0.02 if bits == 16 else 0.1) * max(
        1.0, np.abs(wanted).max()
    )
    assert len(raw) < sum(one.numel() for one in module.parameters()) * (bits / 8) * 1.2 + 40_000


def test_shards_give_back_what_was_drawn(tmp_path: Path) -> None:
    import random

    book = book_of(TRAIN)
    drawn = [draw_line(book, random.Random(n)) for n in range(9)]
    write(tmp_path / "one.npz", drawn)
    back = list(read(tmp_path / "one.npz"))
    assert [one.text for one in back] == [one.text for one in drawn]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(back, drawn, strict=True))
    with pytest.raises(TimeoutError):
        Pool(tmp_path, 1, 1).wait(0, patience_s=0)


def test_batches_hold_lines_of_like_width() -> None:
    groups = list(by_width([10, 500, 20, 490, 30], columns=1000))
    assert sorted(n for group in groups for n in group) == [0, 1, 2, 3, 4]
    assert groups == [[0, 2, 4], [3, 1]]
    batch = batched([np.full((32, 20), 7, np.uint8), np.zeros((32, 40), np.uint8)])
    assert batch.shape == (2, 1, 32, 48)
    assert np.isfinite(batch).all()


def test_targets_of_the_finders() -> None:
    import random

    rng = random.Random(5)
    face = draw_face(book_of(TRAIN), rng, "identity_card")
    picture, mask = locator_sample(face, rng)
    assert picture.shape == (224, 224, 3)
    assert mask.shape == (112, 112)
    crop, targets = liner_sample(face, rng)
    assert crop.shape == (320, 480)
    assert targets.shape == (3, 80, 120)
    box = [(40.0, 100.0), (200.0, 100.0), (200.0, 132.0), (40.0, 132.0)]
    [core, up, down] = line_targets([box], (480, 320))
    rows, columns = np.nonzero(core)
    # The middle half of the line, over its whole length.
    assert (rows.min() * 4 + 2, rows.max() * 4 + 2) == (110, 122)
    assert (columns.min() * 4, columns.max() * 4 + 4) == (40, 200)
    reach = (up + down)[core > 0] * 8
    assert np.allclose(reach, 32, atol=0.1)
