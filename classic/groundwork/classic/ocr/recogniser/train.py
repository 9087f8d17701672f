"""Training the recogniser: CTC over drawn lines, half precision where the processor has it."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.classic.ocr.alphabet import CHARACTERS
from groundwork.classic.ocr.data.fonts import TRAIN
from groundwork.classic.ocr.recogniser.batches import COLUMNS, batched, by_width, shuffled
from groundwork.classic.ocr.recogniser.decode import greedy, softmax
from groundwork.classic.ocr.recogniser.network import STRIDE, build
from groundwork.classic.ocr.recogniser.shards import Pool, Sample, draw_all
from groundwork.classic.ocr.training import Point, Run, Schedule, Task

# Columns that a drawn line takes on average, and the rounds in which labelled crops of others have their turn.
_USUAL_WIDTH = 300
_CROPS_EVERY = 5
_CLASS = {one: n + 1 for n, one in enumerate(CHARACTERS)}


@dataclass(frozen=True, slots=True)
class Learned:
    """Beside the drawn lines: `validation` is measured on and never learned from; `crops` are labelled lines of others, read
    every `_CROPS_EVERY` rounds. `columns` is the size of a batch.
    """

    validation: Sequence[Sample]
    crops: Sequence[Sample] = ()
    columns: int = COLUMNS


def train_recogniser(
    schedule: Schedule,
    pool: Pool,
    folder: Path,
    learned: Learned,
    log: Callable[[Point], None],
) -> Any:
    """The trained module; goes on from the folder's checkpoint. Drawing runs in a process of its own.

    What is measured now and then is the character error on `learned.validation`.
    """
    run = Run(build, schedule, folder)
    if run.done:
        return run.module.to("cpu").eval()
    drawing = multiprocessing.get_context("spawn").Process(
        target=draw_all, args=(pool, TRAIN), daemon=True
    )
    drawing.start()

    def measure(module: Any, device: str) -> dict[str, float]:
        return {"char_error": char_error(module, learned.validation, device)}

    try:
        return run.train(_batches(pool, learned, run.step), Task(_loss, measure), log)
    finally:
        drawing.terminate()
        drawing.join()


def _batches(pool: Pool, learned: Learned, step: int) -> Iterator[tuple[Any, list[str]]]:
    """From where a checkpoint stopped, to within the batches of a shard."""
    # About what a shard gives; a shard's few batches beyond are left out.
    each = max(1, pool.lines * _USUAL_WIDTH // learned.columns)
    number = step // each
    while True:
        rng = random.Random(f"{pool.seed}:{number}")
        if learned.crops and number % _CROPS_EVERY == _CROPS_EVERY - 1:
            samples = [rng.choice(learned.crops) for _ in range(pool.lines)]
        else:
            # The first round takes shards in the order in which they are drawn.
            samples = pool.wait(number if number < pool.count else rng.randrange(pool.count))
        for group in shuffled(samples, rng, learned.columns)[:each]:
            chosen = [samples[n] for n in group]
            yield _augmented([one.pixels for one in chosen], rng), [one.text for one in chosen]
        number += 1


def _loss(module: Any, batch: tuple[Any, list[str]], device: str) -> Any:
    import torch

    lines, texts = batch
    held = torch.from_numpy(lines).to(device, memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16):
        scores = module(held)
    steps = scores.float().log_softmax(-1).transpose(0, 1)
    targets = [[_CLASS[one] for one in text] for text in texts]
    return torch.nn.functional.ctc_loss(
        steps,
        torch.tensor([one for target in targets for one in target]),
        torch.full((len(texts),), steps.shape[0]),
        torch.tensor([len(target) for target in targets]),
        zero_infinity=True,
    )


def _augmented(lines: Sequence[Any], rng: random.Random) -> Any:
    """The batch with what is cheap to vary: width, contrast, grain, a few columns hidden."""
    import numpy as np

    from groundwork.classic.ocr.data.lines import fitted

    stretch = rng.uniform(0.88, 1.12)
    batch = batched([fitted(one, stretch) for one in lines])
    seed = np.random.default_rng(rng.getrandbits(32))
    if rng.random() < 0.4:
        grain = seed.standard_normal(batch.shape, dtype=np.float32)
        batch += grain * np.float32(rng.uniform(0.02, 0.25))
    batch *= seed.uniform(0.8, 1.2, (len(lines), 1, 1, 1)).astype(np.float32)
    batch += seed.uniform(-0.2, 0.2, (len(lines), 1, 1, 1)).astype(np.float32)
    for n in range(len(lines)):
        if rng.random() < 0.08:
            at = rng.randrange(max(1, batch.shape[3] - 6))
            batch[n, 0, :, at : at + rng.randint(1, 4)] = rng.uniform(-1, 1)
    return batch


def char_error(module: Any, samples: Sequence[Sample], device: str = "cpu") -> float:
    """Edits by characters of truth, over all samples."""
    from rapidfuzz.distance import Levenshtein

    wrong = sum(
        Levenshtein.distance(one.text, read)
        for one, read in zip(samples, read_lines(module, samples, device), strict=True)
    )
    return wrong / max(1, sum(len(one.text) for one in samples))


def read_lines(module: Any, samples: Sequence[Sample], device: str = "cpu") -> list[str]:
    """What the module reads, in the samples' order."""
    import torch

    module.eval()
    found = [""] * len(samples)
    for group in by_width([one.pixels.shape[1] for one in samples]):
        with torch.inference_mode():
            held = torch.from_numpy(batched([samples[n].pixels for n in group])).to(device)
            scores = module(held).float().cpu().numpy()
        for n, row in zip(group, scores, strict=True):
            steps = -(-samples[n].pixels.shape[1] // STRIDE)
            found[n] = greedy(softmax(row[:steps]), CHARACTERS).text
    return found
