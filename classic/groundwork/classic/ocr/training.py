"""The loop that all three networks are trained by: AdamW, a cosine, checkpoints, curves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Batches while the rate rises; a tenth of all where that is less.
_WARM_UP = 300
_CHECKPOINT_EVERY_S = 60.0
_POINT_EVERY = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` batches, the rate rising to `rate` first and falling along a cosine from there."""

    steps: int
    rate: float = 2e-3
    seed: int = 1
    threads: int = 1
    measure_every: int = 1000


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curves. `cpu_s` is the processor's time of training so far, over all resumptions."""

    step: int
    loss: float
    rate: float
    cpu_s: float
    measured: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """What is particular to a network: its loss on a batch, and what is measured now and then."""

    loss: Callable[[Any, Any, str], Any]
    measure: Callable[[Any, str], dict[str, float]]


class Run:
    """A module on its way through a schedule. `folder` keeps checkpoint.pt and curves.jsonl."""

    def __init__(self, build: Callable[[], Any], schedule: Schedule, folder: Path) -> None:
        import torch

        torch.set_num_threads(schedule.threads)
        torch.manual_seed(schedule.seed)
        folder.mkdir(parents=True, exist_ok=True)
        self.schedule = schedule
        self.folder = folder
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.module = build().to(self.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(
            self.module.parameters(), lr=schedule.rate, weight_decay=0.02, betas=(0.9, 0.98)
        )
        self.step = 0
        self.spent = 0.0
        self._resume()

    @property
    def done(self) -> bool:
        """Every step was taken."""
        return self.step >= self.schedule.steps

    def _resume(self) -> None:
        import torch

        path = self.folder / "checkpoint.pt"
        if path.exists():
            held = torch.load(path, map_location=self.device, weights_only=True)
            self.module.load_state_dict(held["module"])
            self.optimiser.load_state_dict(held["optimiser"])
            self.step, self.spent = held["step"], held["spent"]

    def save(self) -> None:
        """Keep where the training stands, whole or not at all."""
        import torch

        path = self.folder / "checkpoint.pt"
        temporary = path.with_suffix(".new")
        held = {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        torch.save(held, temporary)
        temporary.replace(path)

    def train(self, batches: Iterable[Any], task: Task, log: Callable[[Point], None]) -> Any:
        """Take the steps that are left, and return the module on the CPU, ready to evaluate."""
        began, saved, before = time.process_time(), time.monotonic(), self.spent
        losses: list[float] = []
        for batch in batches:
            if self.done:
                break
            losses.append(self._learn(batch, task))
            self.step += 1
            self.spent = before + time.process_time() - began
            if self.done or self.step % _POINT_EVERY == 0:
                self._point(losses, task, log)
                losses = []
            if self.done or time.monotonic() - saved > _CHECKPOINT_EVERY_S:
                self.save()
                saved = time.monotonic()
        return self.module.to("cpu").eval()

    def rate(self) -> float:
        """The learning rate of the step to come."""
        highest, steps = self.schedule.rate, self.schedule.steps
        rising = min(_WARM_UP, steps // 10)
        if self.step < rising:
            return highest * (self.step + 1) / rising
        done = (self.step - rising) / max(1, steps - rising)
        return highest * max(0.005, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def _learn(self, batch: Any, task: Task) -> float:
        import torch

        self.module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss = task.loss(self.module, batch, self.device)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 5.0)
        self.optimiser.step()
        return float(loss.detach())

    def _point(self, losses: Sequence[float], task: Task, log: Callable[[Point], None]) -> None:
        due = self.done or self.step % self.schedule.measure_every == 0
        measured = task.measure(self.module.eval(), self.device) if due else {}
        point = Point(self.step, sum(losses) / len(losses), self.rate(), self.spent, measured)
        with (self.folder / "curves.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(point)) + "\n")
        log(point)
