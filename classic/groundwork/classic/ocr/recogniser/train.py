"""Training the recogniser: AdamW on CTC, half precision where the processor has it, interrupted and resumed at will."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundwork.classic.ocr.alphabet import CHARACTERS
from groundwork.classic.ocr.data.fonts import TRAIN
from groundwork.classic.ocr.recogniser.batches import batched, by_width, shuffled
from groundwork.classic.ocr.recogniser.decode import greedy, softmax
from groundwork.classic.ocr.recogniser.network import STRIDE, build
from groundwork.classic.ocr.recogniser.shards import Pool, Sample, draw_all

_CLASS = {one: n + 1 for n, one in enumerate(CHARACTERS)}
_WARM_UP = 300
_CHECKPOINT_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and from what. `shards` of 2,048 lines are drawn, and read again until `steps` batches are done."""

    steps: int = 15_000
    shards: int = 96
    seed: int = 1
    rate: float = 2e-3
    threads: int = 1
    measure_every: int = 1_000


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curves. `cpu_s` is this process' time at the training so far, over all resumptions."""

    step: int
    loss: float
    rate: float
    cpu_s: float
    char_error: float | None = None


def train(
    plan: Plan, folder: Path, validation: Sequence[Sample], log: Callable[[Point], None]
) -> Any:
    """The trained module, on the CPU, ready to evaluate.

    Goes on from `folder`'s checkpoint where there is one, and keeps one there every minute and at the end; points go to
    `log` and to curves.jsonl. Drawing runs in a process of its own.
    """
    import torch

    torch.set_num_threads(plan.threads)
    folder.mkdir(parents=True, exist_ok=True)
    pool = Pool(folder / "lines", plan.seed, plan.shards)
    drawing = multiprocessing.get_context("spawn").Process(
        target=draw_all, args=(pool, TRAIN), daemon=True
    )
    drawing.start()
    try:
        state = _State.resume(plan, folder)
        state.run(pool, validation, log)
    finally:
        drawing.terminate()
        drawing.join()
    return state.module.to("cpu").eval()


class _State:
    """What a checkpoint holds, and the loop over it."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        import torch

        torch.manual_seed(plan.seed)
        self.plan = plan
        self.folder = folder
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.module = build().to(self.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(
            self.module.parameters(), lr=plan.rate, weight_decay=0.02, betas=(0.9, 0.98)
        )
        self.step = 0
        self.spent = 0.0

    @classmethod
    def resume(cls, plan: Plan, folder: Path) -> _State:
        import torch

        state = cls(plan, folder)
        path = folder / "checkpoint.pt"
        if path.exists():
            held = torch.load(path, map_location=state.device, weights_only=True)
            state.module.load_state_dict(held["module"])
            state.optimiser.load_state_dict(held["optimiser"])
            state.step, state.spent = held["step"], held["spent"]
        return state

    def save(self) -> None:
        import torch

        path = self.folder / "checkpoint.pt"
        temporary = path.with_suffix(".new")
        torch.save(
            {
                "module": self.module.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "spent": self.spent,
            },
            temporary,
        )
        temporary.replace(path)

    def run(self, pool: Pool, validation: Sequence[Sample], log: Callable[[Point], None]) -> None:
        began, saved, spent_before = time.process_time(), time.monotonic(), self.spent
        losses: list[float] = []
        for lines, texts in self._batches(pool):
            losses.append(self._learn(lines, texts))
            self.step += 1
            self.spent = spent_before + time.process_time() - began
            last = self.step >= self.plan.steps
            if last or self.step % 100 == 0:
                due = last or self.step % self.plan.measure_every == 0
                error = char_error(self.module, validation, self.device) if due else None
                point = Point(self.step, sum(losses) / len(losses), self._rate(), self.spent, error)
                losses = []
                with (self.folder / "curves.jsonl").open("a", encoding="utf-8") as out:
                    out.write(json.dumps(asdict(point)) + "\n")
                log(point)
            if last or time.monotonic() - saved > _CHECKPOINT_EVERY_S:
                self.save()
                saved = time.monotonic()

    def _batches(self, pool: Pool) -> Iterator[tuple[Any, list[str]]]:
        """From where the checkpoint stopped, to within the batches of a shard."""
        number = self.step // _STEPS_A_SHARD
        while self.step < self.plan.steps:
            rng = random.Random(f"{pool.seed}:{number}")
            # The first rounds take shards in the order in which they are drawn.
            at = number % pool.count if number < pool.count else rng.randrange(pool.count)
            samples = pool.wait(at)
            for group in shuffled(samples, rng)[:_STEPS_A_SHARD]:
                chosen = [samples[n] for n in group]
                yield (
                    _augmented([one.pixels for one in chosen], rng),
                    [one.text for one in chosen],
                )
                if self.step >= self.plan.steps:
                    return
            number += 1

    def _rate(self) -> float:
        if self.step < _WARM_UP:
            return self.plan.rate * (self.step + 1) / _WARM_UP
        done = (self.step - _WARM_UP) / max(1, self.plan.steps - _WARM_UP)
        return self.plan.rate * max(0.005, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def _learn(self, lines: Any, texts: Sequence[str]) -> float:
        import torch

        self.module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        batch = torch.from_numpy(lines).to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16):
            scores = self.module(batch)
        steps = scores.float().log_softmax(-1).transpose(0, 1)
        targets = [[_CLASS[one] for one in text] for text in texts]
        loss = torch.nn.functional.ctc_loss(
            steps,
            torch.tensor([one for target in targets for one in target]),
            torch.full((len(texts),), steps.shape[0]),
            torch.tensor([len(target) for target in targets]),
            zero_infinity=True,
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 5.0)
        self.optimiser.step()
        return float(loss.detach())


# About what a shard gives; a shard's few batches beyond are left out.
_STEPS_A_SHARD = 48


def _augmented(lines: Sequence[Any], rng: random.Random) -> Any:
    """The batch with what is cheap to vary: width, contrast along the line, grain, a patch hidden."""
    import numpy as np

    from groundwork.classic.ocr.data.lines import fitted

    stretch = rng.uniform(0.88, 1.12)
    batch = batched([fitted(one, stretch) for one in lines])
    seed = np.random.default_rng(rng.getrandbits(32))
    if rng.random() < 0.4:
        batch += seed.standard_normal(batch.shape, dtype=np.float32) * np.float32(
            rng.uniform(0.02, 0.25)
        )
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
            scores = module(
                torch.from_numpy(batched([samples[n].pixels for n in group])).to(device)
            )
        for n, row in zip(group, scores.float().cpu().numpy(), strict=True):
            steps = -(-samples[n].pixels.shape[1] // STRIDE)
            found[n] = greedy(softmax(row[:steps]), CHARACTERS).text
    return found
