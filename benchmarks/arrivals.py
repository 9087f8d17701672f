"""Replays the arrivals of a real service (Azure's LLM inference trace, 2023) against two replicas on one PostgreSQL.

    GROUNDWORK_LOAD_SECONDS=600 make load

Arrivals keep their bursts and are scaled to a rate that this machine can serve; a question is as long as the trace's prompt is
among its own. One replica is killed on the way, without warning, and comes back. What is counted at the end is what matters to
people and to finance: failed requests, charges that are missing, whether the slowest answers and the memory stay where they were.
With BASE_URL the service there is asked, with GROUNDWORK_KEY, and nothing is killed.
"""

from __future__ import annotations

import asyncio
import csv
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp

from benchmarks.data import SHARED
from benchmarks.postgres import postgres
from benchmarks.replicas import Replica
from groundwork.core.settings import Settings

_TRACE = SHARED / "traces" / "data" / "AzureLLMInferenceTrace_conv.csv"
_GROUNDWORK = str(Path(sys.executable).with_name("groundwork"))
# Answers a second: half of what one core answers from the bundled guides.
_RATE = 4.0
_SECONDS = 600.0
_PARTS = 3
_QUESTIONS = (
    "How is the port changed?",
    "How do I make an API key for a team?",
    "What happens to a page that was removed from its source when I ingest again?",
    "How do I see what one team spent last month, by model, and export it for finance?",
    "Which rails run on a question before anything is retrieved, and what does each of them do with what it finds in it?",
)


@dataclass(slots=True)
class Seen:
    """One answer as its caller saw it."""

    at: float
    seconds: float
    status: int
    id: str
    replica: int


@dataclass(slots=True)
class Log:
    """Everything that was seen."""

    answers: list[Seen] = field(default_factory=list)
    # Of a replica that was killed: connections that broke then.
    cut: int = 0
    memory: list[tuple[float, int]] = field(default_factory=list)


def main(settings: Settings) -> None:
    """Print a table, or say why there is none."""
    if not _TRACE.is_file():
        print(f"skipped: no trace at {_TRACE}")
        return
    seconds = float(os.environ.get("GROUNDWORK_LOAD_SECONDS", _SECONDS))
    arrivals = list(_arrivals(seconds))
    base = os.environ.get("BASE_URL")
    if base:
        key = os.environ.get("GROUNDWORK_KEY", "")
        log = asyncio.run(_replay(arrivals, [base], [key], [], None))
        print(_table(log, seconds, missing=None))
        return
    with _platform(settings) as (replicas, keys, ledger):
        log = asyncio.run(
            _replay(arrivals, [each.root for each in replicas], keys, replicas, seconds / 2)
        )
        missing = _missing(ledger, log, replicas)
    print(_table(log, seconds, missing))


def _arrivals(seconds: float) -> Iterator[tuple[float, int]]:
    """(seconds from the start, which question): the trace's own gaps, scaled to the rate."""
    with _TRACE.open(newline="") as file:
        rows = [(row["TIMESTAMP"], int(row["ContextTokens"])) for row in csv.DictReader(file)]
    times = [datetime.fromisoformat(at[:26]).timestamp() for at, _ in rows]
    ranks = sorted(tokens for _, tokens in rows)
    wanted = int(seconds * _RATE)
    scale = seconds / (times[wanted] - times[0])
    for at, (_, tokens) in zip(times[:wanted], rows, strict=False):
        place = ranks.index(tokens) / len(ranks)
        yield (at - times[0]) * scale, min(len(_QUESTIONS) - 1, int(place * len(_QUESTIONS)))


@contextmanager
def _platform(settings: Settings) -> Iterator[tuple[list[Replica], list[str], str]]:
    """Two replicas over one index and one PostgreSQL, with keys."""
    with ExitStack() as undo:
        home = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        address = undo.enter_context(postgres())
        ledger = f"{address}/postgres"
        replicas = Replica.pair(home, settings.models, ledger)
        replicas[0].run(_GROUNDWORK, "ingest", str(Path(__file__).resolve().parents[1] / "docs"))
        keys = [replicas[0].key(_GROUNDWORK, f"team-{n}") for n in range(3)]
        for replica in replicas:
            replica.start(_GROUNDWORK)
            undo.callback(replica.stop)
        yield replicas, keys, ledger


async def _replay(
    arrivals: Sequence[tuple[float, int]],
    roots: Sequence[str],
    keys: Sequence[str],
    replicas: Sequence[Replica],
    kill_at: float | None,
) -> Log:
    log = Log()
    began = time.perf_counter()
    rng = random.Random(7)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        tasks: set[asyncio.Task[None]] = set()
        beside = [asyncio.create_task(_watch(log, replicas, began))]
        if kill_at is not None and len(replicas) > 1:
            beside.append(asyncio.create_task(_kill(replicas[1], kill_at)))
        for n, (at, question) in enumerate(arrivals):
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            up = [i for i in range(len(roots)) if not replicas or replicas[i].up]
            chosen = up[n % len(up)]
            headers = {"authorization": f"Bearer {rng.choice(keys)}"} if keys and keys[0] else {}
            body = {"question": f"{_QUESTIONS[question]} ({n})"}
            tasks.add(
                asyncio.create_task(
                    _ask(session, roots, replicas, chosen, headers, body, log, began)
                )
            )
        await asyncio.gather(*tasks)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return log


async def _ask(
    session: aiohttp.ClientSession,
    roots: Sequence[str],
    replicas: Sequence[Replica],
    chosen: int,
    headers: dict[str, str],
    body: dict[str, str],
    log: Log,
    began: float,
) -> None:
    at = time.perf_counter()
    try:
        async with session.post(f"{roots[chosen]}/v1/ask", json=body, headers=headers) as response:
            said = await response.json()
            status, name = response.status, str(said.get("id", ""))
    except aiohttp.ClientError:
        if replicas and replicas[chosen].killed:
            # What a killed replica had in flight is asked again elsewhere, as a balancer does.
            log.cut += 1
            await _ask(session, roots, replicas, 1 - chosen, headers, body, log, began)
            return
        status, name = 0, ""
    log.answers.append(Seen(at - began, time.perf_counter() - at, status, name, chosen))


async def _kill(replica: Replica, at: float) -> None:
    await asyncio.sleep(at)
    replica.kill()
    await asyncio.sleep(5)
    await asyncio.to_thread(replica.start, _GROUNDWORK)


async def _watch(log: Log, replicas: Sequence[Replica], began: float) -> None:
    while True:
        for replica in replicas[:1]:
            log.memory.append((time.perf_counter() - began, _resident(replica.pid)))
        await asyncio.sleep(2)


def _resident(pid: int) -> int:
    """Bytes of memory that the process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _missing(ledger: str, log: Log, replicas: Sequence[Replica]) -> int:
    """Answers that somebody has and nobody was charged for."""
    import sqlalchemy as sql

    from groundwork.core.metering.database import open_engine

    # What waits in a journal is posted when its service stops.
    for replica in replicas:
        replica.stop()
    engine = open_engine(ledger)
    with engine.connect() as connection:
        charged = {
            row[0]
            for row in connection.execute(sql.text("SELECT DISTINCT request_id FROM charges"))
        }
    engine.dispose()
    return sum(one.status == 200 and one.id not in charged for one in log.answers)


def _table(log: Log, seconds: float, missing: int | None) -> str:
    rows = [
        "| third | answers | not answered | p50 ms | p99 ms | memory MiB |",
        "|---|---|---|---|---|---|",
    ]
    for part in range(_PARTS):
        low, high = seconds * part / _PARTS, seconds * (part + 1) / _PARTS
        here = [one for one in log.answers if low <= one.at < high]
        times = sorted(one.seconds * 1000 for one in here)
        memory = [used for at, used in log.memory if low <= at < high]
        failed = sum(one.status != 200 for one in here)
        mib = f"{sum(memory) / len(memory) / 2**20:,.0f}" if memory else "-"
        rows.append(
            f"| {part + 1} | {len(here):,} | {failed} | {_at(times, 0.5):.0f} | {_at(times, 0.99):.0f} | {mib} |"
        )
    share = [sum(one.replica == n for one in log.answers) for n in (0, 1)]
    rows.append("")
    rows.append(
        f"{len(log.answers):,} answers in {seconds:.0f} s, by replica {share[0]:,} and {share[1]:,}; cut by the kill and asked "
        f"again {log.cut}; charges missing: {'not looked at' if missing is None else missing}"
    )
    return "\n".join(rows)


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
