"""Whatever an engine does wrong, each question ends: in an answer, in a marked fallback or in a clear error; and is kept."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.settings import GeneratorSettings
from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.script import FAULTS, Script
from tests.paths.cut_service import with_engine
from tests.serving.api_fakes import World, build_world, events_of

# Times three cases: a thousand.
REQUESTS = 340
AT_ONCE = 16
# A question that hangs would hang for ever; this is far beyond every time limit below.
LIMIT_SECONDS = 20
ERRORS = {429, 502, 503, 504}


@dataclass
class House(World):
    """A world with an engine's double behind it."""

    double: EngineDouble


@asynccontextmanager
async def house(home: Path, script: Script, **settings: Any) -> AsyncIterator[House]:
    """The service over a double of an engine, with time limits that tests can wait for."""
    double = EngineDouble(script)
    async with double.serving() as url:
        limits = {
            "first_token_seconds": 0.5,
            "idle_seconds": 0.2,
            "total_seconds": 5,
            "retries": 1,
            # What the breaker does depends on the clock, and has tests of its own.
            "breaker_failures": 10**6,
        }
        generator = GeneratorSettings(url=url, **{**limits, **settings})
        world, engine = with_engine(build_world(home, max_concurrency=AT_ONCE), generator)
        try:
            yield House(**vars(world), double=double)
        finally:
            await engine.close()
            world.services.close()


async def outcome_of(world: World, number: int) -> str:
    """How a request ended, as its caller sees it."""
    body = {"question": f"How do I roll index {number} back?", "stream": number % 2 == 0}
    async with world.client() as client:
        response = await client.post("/v1/ask", json=body)
    if response.headers["content-type"].startswith("text/event-stream"):
        name, data = events_of(response.text)[-1]
        last = json.loads(data)
        if name == "error":
            assert last["status"] in ERRORS
            assert last["detail"]
            return "error"
        assert name == "done"
    elif response.status_code != 200:
        last = response.json()
        assert last["status"] in ERRORS
        assert last["detail"]
        return "error"
    else:
        last = response.json()
    assert last["citations"], last
    if "degraded" in last["record"]:
        assert last["model"] == "extractive"
        return "degraded"
    assert last["model"] == "double"
    return "answered"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fallback", "unsupported"), [(True, "remove"), (True, "flag"), (False, "remove")]
)
async def test_each_of_many_faulty_answers_ends_and_is_kept(
    tmp_path: Path, fallback: bool, unsupported: str
) -> None:
    script = Script(faults=FAULTS, fault_rate=0.6, retry_after=0.01, seed=7)
    async with house(tmp_path, script, fallback=fallback, unsupported=unsupported) as world:
        waiting = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str:
            async with waiting, asyncio.timeout(LIMIT_SECONDS):
                return await outcome_of(world, number)

        seen = Counter(await asyncio.gather(*(one(number) for number in range(REQUESTS))))
        kept = Counter(answer["outcome"] for answer in world.kept())
        load = world.services.engines["default"].load()
        assert (load.running, load.waiting) == (0, 0)
        assert world.app.state.context.admission.in_flight == 0
    assert sum(seen.values()) == sum(kept.values()) == REQUESTS
    assert kept["answered"] == seen["answered"] + seen["degraded"]
    assert kept["failed"] == seen["error"]
    assert seen["answered"] > REQUESTS / 4
    assert (seen["degraded"] > 0) == fallback
    # Words that have left cannot be taken back for a fallback; a sentence that is still held can.
    assert (seen["error"] > 0) == (not fallback or unsupported == "flag")
