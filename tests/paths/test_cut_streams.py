"""Streams that are cut anywhere are charged once, for what the engine wrote until then."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sql

from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.database import reading
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.prices import embedded_book
from groundwork.core.metering.tables import charges, requests
from groundwork.core.settings import Settings
from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.script import Script
from tests.paths.test_engine_faults import house
from tests.serving.api_fakes import RawRequest, World

STREAMS = 1000
# The double writes so many tokens to an answer that is not cut.
TOKENS = 12
HANGS = Script(faults=("hang",), text="One two three four five six. " * 3, tokens=TOKENS)


def kept(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """The request rows, by id."""
    with reading(ledger.engine) as connection:
        rows = connection.execute(sql.select(requests)).mappings().all()
    return {row["request_id"]: dict(row) for row in rows}


def sets_of_charges(ledger: Ledger) -> Counter[str]:
    """How often a request was charged for what its engine wrote."""
    written = sql.select(charges.c.request_id).where(
        charges.c.stage == "generate", charges.c.meter == "output_tokens"
    )
    with reading(ledger.engine) as connection:
        return Counter(connection.execute(written).scalars())


async def cut(world: World, double: EngineDouble, after: int | None) -> None:
    """One streamed question; its client leaves once the engine has written so many tokens, None at the end."""
    script = HANGS if after is not None else Script(text=HANGS.text, tokens=TOKENS)
    double.writer.script = Script(**{**as_dict(script), "fault_after": after})
    before = double.completion_tokens
    body = {"question": "How do I roll an index back?", "stream": True}
    request = RawRequest("/v1/ask", [json.dumps(body).encode()])
    running = asyncio.create_task(request.run(world.app))
    if after is not None:
        async with asyncio.timeout(10):
            while double.completion_tokens - before < after or double.running == 0:  # noqa: ASYNC110  # the double tells nobody
                await asyncio.sleep(0)
        # What was written is read within a few turns of the loop that both of them live in.
        for _ in range(20):
            await asyncio.sleep(0)
        request.leave.set()
    await asyncio.wait_for(running, 10)


def as_dict(script: Script) -> dict[str, Any]:
    return {name: getattr(script, name) for name in Script.__dataclass_fields__}


@pytest.mark.slow
async def test_a_thousand_cut_streams_are_charged_once_each(tmp_path: Path) -> None:
    chance = random.Random(11)
    wanted: list[int] = []
    async with house(
        tmp_path, HANGS, unsupported="flag", idle_seconds=60, first_token_seconds=60
    ) as world:
        double = world.double
        for _ in range(STREAMS):
            after = chance.choice([0, None, *range(1, TOKENS)])
            await cut(world, double, after)
            wanted.append(TOKENS if after is None else after)
        accounts = world.services.accounts
        assert accounts.recorder.flush(30)
        rows = list(kept(accounts.ledger).values())
        once = sets_of_charges(accounts.ledger)
    assert len(rows) == STREAMS
    assert set(once.values()) == {1}
    # Each within one of what the engine had written; paired by size, which is no weaker than it looks: a charge
    # that is off by more would leave a gap somewhere.
    charged = sorted(row["completion_tokens"] for row in rows)
    assert all(
        abs(given - written) <= 1 for given, written in zip(charged, sorted(wanted), strict=True)
    )
    assert {row["outcome"] for row in rows} >= {"cancelled"}


SERVICE = """
import sys
import uvicorn
from pathlib import Path
from tests.paths.cut_service import app
uvicorn.run(app(Path(sys.argv[1]), sys.argv[2]), port=int(sys.argv[3]), log_level="warning")
"""


@contextmanager
def service(home: Path, engine: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The service in a process of its own, with a fake index and this engine."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(home), engine, str(port)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


async def answering(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await client.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_killed_service_has_charged_what_was_under_way(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    under_way = 8
    body = {"question": "How do I roll an index back?", "stream": True}
    double = EngineDouble(Script(**{**as_dict(HANGS), "fault_after": 7}))
    async with double.serving() as engine:
        base = f"http://127.0.0.1:{unused_tcp_port}"
        with service(tmp_path, engine, unused_tcp_port) as process:
            async with httpx.AsyncClient(base_url=base, timeout=30) as client:
                await answering(client)

                async def ask() -> None:
                    with pytest.raises(httpx.TransportError):
                        await client.post("/v1/ask", json=body)

                asking = [asyncio.create_task(ask()) for _ in range(under_way)]
                async with asyncio.timeout(20):
                    while double.completion_tokens < 7 * under_way:  # noqa: ASYNC110  # nor here
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.2)
                process.send_signal(signal.SIGKILL)
                await asyncio.gather(*asking)
    accounts = Accounts.open(Settings(home=tmp_path), embedded_book("fake-embedder"))
    assert kept(accounts.ledger) == {}
    accounts.start()
    async with asyncio.timeout(20):
        while len(kept(accounts.ledger)) < under_way:  # noqa: ASYNC110  # nor does a database
            await asyncio.sleep(0.05)
    rows = kept(accounts.ledger)
    once = sets_of_charges(accounts.ledger)
    accounts.close()
    assert len(rows) == under_way
    assert set(once.values()) == {1}
    assert {row["outcome"] for row in rows.values()} == {"cancelled"}
    assert all(abs(row["completion_tokens"] - 7) <= 1 for row in rows.values())
    assert all(row["prompt_tokens"] > 50 for row in rows.values())
