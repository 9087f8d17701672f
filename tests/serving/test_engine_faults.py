"""Several hundred requests with random faults: each ends, in an answer or a clear error, and nothing is left over."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from groundwork.core.errors import EngineError
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.engine.script import FAULTS, Script
from tests.serving.engine_world import Pauses, ask, doubled, read, until

TEXT = "Restore a backup with the restore command and name the file that was written."
LIMITS: dict[str, Any] = {
    "first_token_seconds": 0.5,
    "idle_seconds": 0.5,
    "total_seconds": 5.0,
    "retries": 1,
    "max_concurrency": 24,
    "max_waiting": 1000,
    "max_wait_seconds": 60.0,
}
GUARD_SECONDS = 30.0


async def outcome(engine: HttpEngine, n: int) -> str:
    async with asyncio.timeout(GUARD_SECONDS):
        try:
            text, end = await read(engine, ask(f"Question {n}?"))
        except EngineError as error:
            return error.code
    assert text == TEXT
    assert end.usage is not None
    return "answered"


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_request_ends(seed: int) -> None:
    script = Script(text=TEXT, faults=FAULTS, fault_rate=0.7, seed=seed, retry_after=0.05)
    async with doubled(script, pauses=Pauses(), breaker_failures=10_000, **LIMITS) as (
        engine,
        double,
    ):
        outcomes = Counter(await asyncio.gather(*(outcome(engine, n) for n in range(200))))
        load = engine.load()
        assert (load.running, load.waiting, load.breaker) == (0, 0, "closed")
        await until(lambda: not double.running)
        # The engine works on as if nothing had been.
        double.writer.script = Script(text=TEXT)
        assert (await read(engine))[0] == TEXT
    assert outcomes.total() == 200
    assert outcomes["answered"] > 60
    expected = {"answered", "engine-down", "engine-full", "engine-timeout", "engine-broken"}
    assert set(outcomes) == expected


async def test_every_request_ends_while_the_breaker_opens_and_readers_leave() -> None:
    chance = random.Random(5)
    script = Script(text=TEXT, faults=FAULTS, fault_rate=0.6, token_seconds=0.001)
    limits = {**LIMITS, "breaker_failures": 4, "breaker_seconds": 0.05, "max_waiting": 40}
    async with doubled(script, pauses=Pauses(), **limits) as (engine, double):
        tasks = []
        for n in range(200):
            tasks.append(asyncio.create_task(outcome(engine, n)))
            await asyncio.sleep(chance.random() * 0.004)
            if chance.random() < 0.2:
                chance.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, str | asyncio.CancelledError) for each in results), results
        load = engine.load()
        assert (load.running, load.waiting) == (0, 0)
        double.writer.script = Script(text=TEXT)
        await asyncio.sleep(0.06)
        assert (await read(engine))[0] == TEXT
        assert engine.load().breaker == "closed"
    assert "engine-down" in results
    assert "answered" in results
