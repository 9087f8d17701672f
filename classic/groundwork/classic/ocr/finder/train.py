"""Training the two finders."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from groundwork.classic.ocr.data.fonts import TRAIN
from groundwork.classic.ocr.finder.network import SIDE, STRIDE, liner, locator
from groundwork.classic.ocr.finder.samples import FinderPool, draw_all
from groundwork.classic.ocr.training import Point, Run, Schedule, Task

BATCH = 8


def train_finder(
    kind: str,
    schedule: Schedule,
    shards: tuple[int, int],
    folder: Path,
    log: Callable[[Point], None],
) -> Any:
    """The trained `locator` or `liner`; goes on from the folder's checkpoint. Drawing runs in a process of its own.

    `shards` are how many, and how many samples each has.

    The last shard is not learned from: the loss on it is what is measured.
    """
    pool = FinderPool(kind, folder / "samples", schedule.seed, *shards)
    run = Run(locator if kind == "locator" else liner, schedule, folder)
    if run.done:
        return run.module.to("cpu").eval()
    drawing = multiprocessing.get_context("spawn").Process(
        target=draw_all, args=(pool, TRAIN), daemon=True
    )
    drawing.start()
    loss = _mask_loss if kind == "locator" else _line_loss

    def measure(module: Any, device: str) -> dict[str, float]:
        import torch

        pictures, targets = pool.wait(pool.count - 1)
        with torch.no_grad():
            each = [
                float(loss(module, (pictures[n : n + BATCH], targets[n : n + BATCH]), device))
                for n in range(0, len(pictures), BATCH)
            ]
        return {"validation_loss": sum(each) / len(each)}

    try:
        return run.train(_batches(pool, run.step), Task(loss, measure), log)
    finally:
        drawing.terminate()
        drawing.join()


def _batches(pool: FinderPool, step: int) -> Iterator[tuple[Any, Any]]:
    import numpy as np

    each = pool.size // BATCH
    number = step // each
    while True:
        rng = random.Random(f"{pool.seed}:{number}")
        learned = max(1, pool.count - 1)
        at = number if number < learned else rng.randrange(learned)
        pictures, targets = pool.wait(at)
        order = rng.sample(range(len(pictures)), len(pictures))
        for n in range(each):
            chosen = np.sort(order[n * BATCH : (n + 1) * BATCH])
            yield (
                _varied(pictures[chosen], targets[chosen], rng)
                if pool.kind == "locator"
                else (
                    pictures[chosen],
                    targets[chosen],
                )
            )
        number += 1


def _varied(pictures: Any, targets: Any, rng: random.Random) -> tuple[Any, Any]:
    """A card in a mirror is still a card, and so it is in other colours and another light."""
    import numpy as np

    for axis in (1, 2):
        if rng.random() < 0.5:
            pictures, targets = np.flip(pictures, axis), np.flip(targets, axis)
    if rng.random() < 0.5:
        pictures, targets = pictures.transpose(0, 2, 1, 3), targets.transpose(0, 2, 1)
    colours = pictures[..., rng.sample(range(3), 3)]
    light = np.array([rng.uniform(0.7, 1.15) for _ in range(3)], dtype=np.float32)
    pictures = np.clip(colours * light, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pictures), np.ascontiguousarray(targets)


def _mask_loss(module: Any, batch: tuple[Any, Any], device: str) -> Any:
    import torch

    pictures, targets = batch
    held = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255
    wanted = torch.from_numpy(targets).to(device).float()[:, None] / 255
    wanted = torch.nn.functional.avg_pool2d(wanted, STRIDE * targets.shape[-1] // SIDE)[:, 0]
    with torch.autocast(device, torch.bfloat16):
        scores = module(held.contiguous(memory_format=torch.channels_last))[:, 0]
    scores = scores.float()
    sure = torch.nn.functional.binary_cross_entropy_with_logits(scores, wanted)
    return sure + 0.5 * _dice(scores.sigmoid(), wanted)


def _dice(found: Any, wanted: Any) -> Any:
    shared = (found * wanted).sum(dim=(1, 2))
    return (1 - (2 * shared + 1) / (found.sum(dim=(1, 2)) + wanted.sum(dim=(1, 2)) + 1)).mean()


def _line_loss(module: Any, batch: tuple[Any, Any], device: str) -> Any:
    import torch

    pictures, targets = batch
    held = standard(torch.from_numpy(pictures).to(device).float()[:, None])
    wanted = torch.from_numpy(targets).to(device).float()
    with torch.autocast(device, torch.bfloat16):
        found = module(held.contiguous(memory_format=torch.channels_last))
    found, core = found.float(), wanted[:, 0]
    sure = torch.nn.functional.binary_cross_entropy_with_logits(found[:, 0], core)
    apart = torch.nn.functional.smooth_l1_loss(
        found[:, 1:], wanted[:, 1:], reduction="none", beta=0.2
    )
    reach = (apart * core[:, None]).sum() / (2 * core.sum() + 1)
    return sure + 0.5 * _dice(found[:, 0].sigmoid(), core) + reach


def standard(pictures: Any) -> Any:
    """Each picture with mean 0 and deviation 1."""
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return (pictures - mean) / (pictures.std(dim=(1, 2, 3), keepdim=True) + 4.0)
