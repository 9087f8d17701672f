"""What watching costs: an answer's latency with traces, metrics and drift, and without, side by side in one run.

Every question is answered by three assistants in turn, in a new order each time: one that nobody watches, one that is watched
as a service is by default, and one whose collector is dead as well. They share index, embedder, ledger and process.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import shutil
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from benchmarks.data import ROOT
from benchmarks.setup import ingest_folder
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.monitoring.tracing.exporter import Tracer
from groundwork.core.settings import CacheSettings, Settings, TelemetrySettings
from groundwork.core.settings.telemetry import TracesSettings
from groundwork.core.telemetry import Trace
from groundwork.serving.answer import complete
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case, Question
from groundwork.serving.monitoring import Monitoring
from groundwork.serving.services import Services, build_services
from groundwork.serving.witness import Witness, WitnessedBooks

INDEX = "docs"
_ROUNDS = 40
_WARM = 20
_DRAWS = 2000
_REPEATS = 1000
# Nothing listens there.
_DEAD = "http://127.0.0.1:9"
_QUESTIONS = (
    "How do I roll back an index version?",
    "Which port does the service bind by default?",
    "How do I make an API key with a budget?",
    "What does an answer cost?",
    "How do I ingest a git repository?",
    "What does exit code 3 mean?",
    "Where does Groundwork keep its state?",
    "How do I use PostgreSQL for the ledger?",
    "How do I send answers to Slack?",
    "Which rails run by default?",
)
PLAIN, WATCHED, DEAD = "not watched", "watched", "watched, its collector dead"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to be asked, and the latencies in milliseconds."""

    name: str
    assistant: Assistant
    metrics: Metrics | None
    seen: list[float]

    async def ask(self, text: str) -> None:
        """One question, timed by its own trace."""
        trace = Trace()
        answer = await complete(Question(text, INDEX), self.assistant, trace)
        if self.metrics is not None:
            self.metrics.answered(answer)
        self.seen.append(trace.elapsed_ms())


def main(settings: Settings) -> None:
    """Print the table."""
    home = settings.home / "tracing"
    shutil.rmtree(home, ignore_errors=True)
    # Models and vectors are the same as everybody's.
    quiet = settings.model_copy(update={"home": home, "cache": CacheSettings(mode="off")})
    home.mkdir(parents=True)
    (home / "models").symlink_to(settings.models)
    ingest_folder(quiet, ROOT / "docs", INDEX)
    services = build_services(quiet)
    try:
        _measure(quiet, services)
    finally:
        services.close()


def _measure(settings: Settings, services: Services) -> None:
    dead = settings.model_copy(
        update={"telemetry": TelemetrySettings(traces=TracesSettings(endpoint=_DEAD))}
    )
    with_dead, watched = Metrics(), Metrics()
    monitoring = [Monitoring.open(settings, watched), Monitoring.open(dead, with_dead)]
    watches = [each.start(services.store, services.accounts, {}) for each in monitoring]
    arms = (
        Arm(PLAIN, services.assistant, None, []),
        Arm(WATCHED, _witnessed(services, monitoring[0]), watched, []),
        Arm(DEAD, _witnessed(services, monitoring[1]), with_dead, []),
    )
    asyncio.run(_ask_all(arms))
    for watch, each in zip(watches, monitoring, strict=True):
        watch.close()
        each.tracer.flush()
    _print(arms, monitoring[1].tracer)
    asyncio.run(_cost(services, monitoring[0]))
    for each in monitoring:
        each.close()


def _witnessed(services: Services, monitoring: Monitoring) -> Assistant:
    books = WitnessedBooks(services.accounts, services.store, monitoring.witness)
    return replace(services.assistant, books=books)


async def _ask_all(arms: Sequence[Arm]) -> None:
    rng = random.Random(1)
    for number in range(_WARM + _ROUNDS * len(_QUESTIONS)):
        text = _QUESTIONS[number % len(_QUESTIONS)]
        for arm in rng.sample(arms, len(arms)):
            await arm.ask(text)
    for arm in arms:
        del arm.seen[:_WARM]


def _print(arms: Sequence[Arm], tracer: Tracer) -> None:
    print("| | answers | p50 ms | p95 ms | difference of the median pair |\n|---|---|---|---|---|")
    plain = np.array(arms[0].seen)
    rng = np.random.default_rng(1)
    for arm in arms:
        seen = np.array(arm.seen)
        # Whole triples are drawn: each question was put to all of them within the same moment.
        picks = rng.integers(len(seen), size=(_DRAWS, len(seen)))
        middle = np.median(plain)
        ratios = np.median((seen - plain)[picks], axis=1) / middle
        low, high = np.quantile(ratios, [0.025, 0.975])
        ratio = float(np.median(seen - plain)) / middle
        shown = "" if arm is arms[0] else f"{ratio:+.1%} ({low:+.1%} to {high:+.1%})"
        p50, p95 = np.quantile(seen, [0.5, 0.95])
        print(f"| {arm.name} | {len(seen)} | {p50:.2f} | {p95:.2f} | {shown} |")
    for lane in tracer.lanes:
        print(f"\n{lane.place.name}: {lane.sent:,} traces sent, {lane.dropped:,} dropped.", end="")
    print()


async def _cost(services: Services, monitoring: Monitoring) -> None:
    """What one answer costs beyond itself, on its path and beside it, in CPU time: hardly moved by what else runs."""
    held: list[Case] = []
    books = WitnessedBooks(services.accounts, services.store, cast("Witness", _Keeps(held)))
    await complete(
        Question(_QUESTIONS[0], INDEX), replace(services.assistant, books=books), Trace()
    )
    case = held[0]
    if case.answer is None:
        raise AssertionError("a kept case has its answer")
    began, on_path = time.process_time(), 0.0
    for _ in range(_REPEATS):
        # Another id each time, or the store would keep one of them only.
        again = copy(case)
        again.trace = copy(case.trace)
        again.trace.ended_ns, again.trace.span_id = None, secrets.token_hex(8)
        entered = time.thread_time()
        monitoring.witness.answered(again)
        monitoring.metrics.answered(case.answer)
        on_path += time.thread_time() - entered
    monitoring.tracer.flush(60)
    monitoring.monitors.recorder.flush()
    whole = time.process_time() - began
    print(
        f"\nCPU time an answer: {on_path / _REPEATS * 1e6:.0f} µs on its path, "
        f"{(whole - on_path) / _REPEATS * 1e6:.0f} µs beside it."
    )


@dataclass(frozen=True, slots=True)
class _Keeps:
    held: list[Case]

    def answered(self, case: Case) -> None:
        self.held.append(case)
