"""Two processes of the service on one PostgreSQL: keys, limits, budgets and charges are of both, and one may die."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sql

from benchmarks.replicas import Replica
from groundwork.core.metering.database import open_engine, reading
from groundwork.core.metering.tables import charges, requests
from groundwork.core.settings import EmbedderSettings, Settings
from tests.postgres import new_database
from tests.serving.handbook import publish

GROUNDWORK = str(Path(sys.executable).with_name("groundwork"))
# What the double writes to a question that is left alone.
WRITES: dict[str, Any] = {"text": "The limit is set with `limit=3`. [1] " * 2, "tokens": 12}
HANGS = {**WRITES, "faults": ["hang"], "fault_after": 7}
# The model is dear, so that a few answers use a budget up: each token a tenth of a cent.
PRICES = (
    "prices:\n  double:\n    input_tokens: {per_million: 1000}\n"
    "    output_tokens: {per_million: 1000}\n"
)
PATIENCE = 60.0


@dataclass
class House:
    """Two replicas, the engine that both write with, and their database."""

    replicas: list[Replica]
    engine: str
    ledger: str

    def key(self, team: str, *options: str, on: int = 0) -> str:
        """Made by the command, as an operator does."""
        return self.replicas[on].key(GROUNDWORK, team, *options)

    def client(self, replica: int, key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.replicas[replica].root,
            headers={"authorization": f"Bearer {key}"},
            timeout=PATIENCE,
        )

    def engine_does(self, script: dict[str, Any]) -> None:
        control = self.engine.removesuffix("/v1") + "/control"
        httpx.post(control, json=script).raise_for_status()

    def engine_runs(self) -> int:
        control = self.engine.removesuffix("/v1") + "/control"
        return int(httpx.get(control).json()["running"])

    def outcomes(self) -> dict[str, tuple[str, int]]:
        """(outcome, tokens written) of each request that is in the ledger."""
        rows = sql.select(requests.c.request_id, requests.c.outcome, requests.c.completion_tokens)
        engine = open_engine(self.ledger)
        with reading(engine) as connection:
            found = {row[0]: (row[1], row[2]) for row in connection.execute(rows)}
        engine.dispose()
        return found

    def times_charged(self, ids: list[str]) -> list[int]:
        """How often each was charged for what the engine wrote."""
        query = sql.select(charges.c.request_id).where(
            charges.c.stage == "generate", charges.c.meter == "output_tokens"
        )
        engine = open_engine(self.ledger)
        with reading(engine) as connection:
            charged = list(connection.execute(query).scalars())
        engine.dispose()
        return [charged.count(each) for each in ids]


@contextmanager
def double() -> Iterator[str]:
    """An engine in a process of its own; its address."""
    command = [sys.executable, "-m", "groundwork.serving.engine.double", "--port", "0"]
    command += ["--script", json.dumps(WRITES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("replicas")
    url = new_database(postgres_server, "replicas")
    with double() as engine:
        more = {
            "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
            "GROUNDWORK_INDEX__DEFAULT": "handbook",
            "GROUNDWORK_GENERATOR__URL": engine,
            "GROUNDWORK_GENERATOR__UNSUPPORTED": "flag",
            "GROUNDWORK_GENERATOR__IDLE_SECONDS": str(PATIENCE),
            "GROUNDWORK_RETRIEVAL__THRESHOLD": "0",
            "GROUNDWORK_CACHE__MODE": "off",
        }
        replicas = Replica.pair(folder / "home", folder / "models", url, **more)
        settings = Settings(
            home=folder / "home" / "replica-0", embedder=EmbedderSettings(engine="hashing")
        )
        publish(settings, folder / "handbook", "first")
        (folder / "prices.yaml").write_text(PRICES)
        replicas[0].run(GROUNDWORK, "cost", "prices", "import", str(folder / "prices.yaml"))
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(lambda each: each.start(GROUNDWORK), replicas))
        try:
            yield House(replicas, engine, url)
        finally:
            for replica in replicas:
                replica.stop()


async def ask(client: httpx.AsyncClient, n: int) -> httpx.Response:
    return await client.post("/v1/ask", json={"question": f"How is the limit of pump {n} set?"})


async def settled(client: httpx.AsyncClient) -> None:
    """Returns when nothing is held in the caller's budgets."""
    async with asyncio.timeout(PATIENCE):
        while any(  # noqa: ASYNC110  # the ledger is another process's
            Decimal(budget["reserved"])
            for budget in (await client.get("/v1/budgets")).json()["budgets"]
        ):
            await asyncio.sleep(0.05)


async def test_a_key_and_its_revocation_hold_on_both(house: House) -> None:
    admin = house.key("operators", "--scope", "admin")
    async with house.client(0, admin) as first:
        made = await first.post("/v1/keys", json={"name": "made on one", "team": "search"})
        assert made.status_code == 201, made.text
    key, name = made.json()["key"], made.json()["id"]
    async with house.client(0, key) as first, house.client(1, key) as second:
        assert [(await ask(each, 1)).status_code for each in (first, second)] == [200, 200]
        async with house.client(1, admin) as other:
            revoked = await other.delete(f"/v1/keys/{name}")
        assert revoked.is_success, revoked.text
        assert [(await ask(each, 1)).status_code for each in (first, second)] == [401, 401]


async def test_a_rate_limit_counts_what_both_let_in(house: House) -> None:
    limit = 5
    key = house.key("hurried", "--requests-per-minute", str(limit))
    began = time.monotonic()
    async with house.client(0, key) as first, house.client(1, key) as second:
        asked = [ask(each, n) for n in range(2 * limit) for each in (first, second)]
        answers = await asyncio.gather(*asked)
    # On a slow machine the bucket fills meanwhile.
    filled = 1 + int((time.monotonic() - began) * limit / 60)
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    assert limit <= codes.count(200) <= limit + filled


async def test_a_budget_is_used_up_by_both_together(house: House) -> None:
    limit = Decimal(30)
    key = house.key("thrifty")
    house.replicas[1].run(
        GROUNDWORK, "keys", "budget", "set", "team", "thrifty", str(limit), "--soft-percent", "100"
    )
    answered = [0, 0]
    async with house.client(0, key) as first, house.client(1, key) as second:
        clients = [first, second]
        for n in itertools.count():
            # What an answer held and did not cost is let go of when it is charged, a moment after its end.
            await settled(clients[n % 2])
            answer = await ask(clients[n % 2], n % 10)
            if answer.status_code != 200:
                break
            answered[n % 2] += 1
        assert answer.status_code == 402, answer.text
        codes = [(await ask(each, 1)).status_code for each in clients]
        standings = [(await each.get("/v1/budgets")).json() for each in clients]
    # Both had a part in it, both refuse, and both say the same.
    assert min(answered) > 0
    assert codes == [402, 402]
    spent = [Decimal(standing["budgets"][0]["spent"]) for standing in standings]
    assert spent[0] == spent[1]
    # Were each counted by itself, one alone would have let in as much as this.
    assert limit / 2 < spent[0] <= limit


async def test_a_killed_replica_loses_no_charge_and_only_what_it_had_in_flight(
    house: House,
) -> None:
    key = house.key("load")
    before = set(house.outcomes())
    async with house.client(0, key) as first, house.client(1, key) as second:
        house.engine_does(HANGS)
        in_flight = [asyncio.create_task(ask(second, n)) for n in range(3)]
        async with asyncio.timeout(PATIENCE):
            while house.engine_runs() < len(in_flight):  # noqa: ASYNC110  # the double tells nobody
                await asyncio.sleep(0.05)
        house.engine_does(WRITES)
        load = [ask(each, n) for n in range(8) for each in (first, second)]
        answers = await asyncio.gather(*load)
        # At once after its last answers: some of their charges wait in the journal.
        house.replicas[1].kill()
        broken = await asyncio.gather(*in_flight, return_exceptions=True)
        answers += [await ask(first, n) for n in range(2)]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert all(isinstance(each, httpx.TransportError) for each in broken), broken

    ids = [str(answer.json()["id"]) for answer in answers]
    await asyncio.to_thread(house.replicas[1].start, GROUNDWORK)
    async with asyncio.timeout(PATIENCE):
        while len(new := set(house.outcomes()) - before) < len(ids) + len(in_flight):  # noqa: ASYNC110  # nor does a database
            await asyncio.sleep(0.1)
    # What a person has is charged once; what broke is charged for what was written until then.
    assert house.times_charged(ids) == [1] * len(ids)
    lost = new - set(ids)
    assert house.times_charged(sorted(lost)) == [1] * len(in_flight)
    found = house.outcomes()
    assert all(1 <= found[each][1] <= HANGS["fault_after"] for each in lost)
    # Nothing is left behind for the next start.
    async with house.client(1, key) as second:
        assert (await ask(second, 1)).status_code == 200
    assert not left_behind(house.replicas[1].journal)


def left_behind(journal: Path) -> list[Path]:
    """Files of the journal whose process is gone: their names begin with its number."""
    names = [path for path in journal.iterdir() if path.suffix in {".journal", ".flights"}]
    assert names, "the living process has its own"
    return [path for path in names if not alive(int(path.name.partition("-")[0]))]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
