"""The ledger: a million random charges that agree everywhere, and what charging and a budget add to an answer."""

from __future__ import annotations

import csv
import io
import random
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from groundwork.core.answers import Usage
from groundwork.core.metering.budgets import Budgets
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.database import reading
from groundwork.core.metering.export import export
from groundwork.core.metering.journal import Journal
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Posting, day_start, request_of
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.recorder import Recorder
from groundwork.core.metering.reports import report
from groundwork.core.metering.tables import (
    charges,
    parts,
    requests,
    rollups,
    rollups_callers,
    whole,
)
from groundwork.core.metering.tally import Tally
from groundwork.core.money import format_dollars, parse_dollars
from groundwork.core.settings import Settings

ROWS = 1_000_000
_BATCH = 2000
_ANSWERS = 2000
_START = day_start("2026-10-01")
_TEAMS = ("search", "support", "platform", "research", "")
# Free, the least, ordinary, and so dear that sums leave 64 bits.
_UNITS = (0, 1, 15_000, 590_000, 10**12)
_MODELS = tuple(f"model-{n}" for n in range(len(_UNITS)))
BOOK = PriceBook(
    "benchmark",
    {
        (model, meter): unit * factor
        for model, unit in zip(_MODELS, _UNITS, strict=True)
        for meter, factor in (
            ("input_tokens", 4),
            ("cached_input_tokens", 1),
            ("output_tokens", 16),
        )
    }
    | {("qdrant", "searches"): 66_000},
)


def main(settings: Settings) -> None:
    """Print the tables."""
    folder = settings.home / "ledger"
    shutil.rmtree(folder, ignore_errors=True)
    _million(folder)
    _charging(folder)


def random_postings(rng: random.Random) -> Iterator[Posting]:
    """Answers of teams and users over two months: uncached, cached, empty, of every price."""
    n = 0
    while True:
        prompt = rng.choice((0, 1, 900, 3000, 120_000))
        cached = rng.choice((0, prompt // 2, prompt))
        completion = rng.choice((0, 200, 4000))
        usage = Usage(prompt, completion, cached, completion // 3)
        tally = Tally()
        tally.add("retrieve", "qdrant", "searches", 1)
        model = rng.choice(_MODELS)
        tally.tokens("generate", model, usage)
        team = rng.choice(_TEAMS)
        caller = Caller(f"key-{team}", team, f"{team}-{rng.randrange(50)}", "docs", "api")
        at = _START + rng.randrange(60 * 86_400_000)
        request = request_of(
            f"ans-{n:024x}", caller, usage, "answered", at=at, model=model, release=f"rel-{n % 5}"
        )
        yield Posting(request, BOOK.lines(tally))
        n += 1


def _million(folder: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{folder / 'million.sqlite'}")
    rng = random.Random(7)
    source = random_postings(rng)
    posted, expected, answers, seconds = 0, 0, 0, 0.0
    while posted < ROWS:
        batch = list(islice(source, _BATCH))
        began = time.perf_counter()
        posted += ledger.post(*batch)
        seconds += time.perf_counter() - began
        answers += len(batch)
        expected += sum(posting.picodollars for posting in batch)
        # Repairs of a few, upwards and downwards.
        for posting in batch[:: _BATCH // 4]:
            line = rng.choice(posting.lines)
            key = (posting.request.id, line.stage, line.meter, line.model, 0)
            amount = rng.choice((0, line.picodollars * 2, line.picodollars // 3))
            expected += ledger.correct(
                key, amount, quantity=line.quantity, note="", actor="benchmark"
            )
    print(f"{posted:,} charges of {answers:,} answers, posted at {answers / seconds:,.0f} answers a second; "
          f"they sum to {format_dollars(expected)}, {expected.bit_length()} bits.\n")  # fmt: skip
    print("| Sum of | Seconds | Difference in picodollars |\n|---|---:|---:|")
    for name, total in _sums(ledger):
        began = time.perf_counter()
        found = total()
        print(f"| {name} | {time.perf_counter() - began:.2f} | {found - expected} |", flush=True)
    print(
        f"\nRequests whose uncached and cached tokens are not their prompt: {_unbalanced(ledger)}\n"
    )
    ledger.close()


def _sums(ledger: Ledger) -> Iterator[tuple[str, Callable[[], int]]]:
    yield "rows", ledger.total
    yield "requests", lambda: _sum(ledger, *parts(requests.c.picodollars))
    for table in (rollups, rollups_callers):
        columns = sql.func.sum(table.c.millidollars), sql.func.sum(table.c.picodollars)
        yield table.name, lambda columns=columns: _sum(ledger, *columns)  # type: ignore[misc]
    for by in ("team", "user", "model", "day", "stage", "release", "kind"):
        yield f"report by {by}", lambda by=by: _reported(ledger, by)  # type: ignore[misc]
    yield "export as CSV", lambda: _exported(ledger, "csv", "amount")
    yield "export as FOCUS", lambda: _exported(ledger, "focus", "BilledCost")
    yield "export as Parquet", lambda: _parquet(ledger)


def _sum(ledger: Ledger, *columns: sql.ColumnElement[Any]) -> int:
    with reading(ledger.engine) as connection:
        thousandths, rest = connection.execute(sql.select(*columns)).one()
    return whole(thousandths, rest)


def _reported(ledger: Ledger, by: str) -> int:
    with reading(ledger.engine) as connection:
        found = report(connection, CostQuery(by=(by,)))
    return sum(row.amounts.picodollars for row in found.rows)


def _exported(ledger: Ledger, form: str, column: str) -> int:
    chunks = io.BufferedReader(_Chunks(_export(ledger, form)))  # type: ignore[type-var]  # it reads into buffers
    text = io.TextIOWrapper(chunks, encoding="utf-8", newline="")
    return sum(parse_dollars(row[column]) for row in csv.DictReader(text))


def _parquet(ledger: Ledger) -> int:
    import pyarrow.parquet as pq

    whole_file = io.BytesIO(b"".join(_export(ledger, "parquet")))
    return sum(
        value.as_py()
        for batch in pq.ParquetFile(whole_file).iter_batches(columns=["picodollars"])
        for value in batch.column(0)
    )


def _export(ledger: Ledger, form: str) -> Iterator[bytes]:
    return export(ledger.engine, CostQuery(), form, Settings().costs)  # type: ignore[arg-type]


class _Chunks(io.RawIOBase):
    """Bytes that come in chunks, as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _unbalanced(ledger: Ledger) -> int:
    prompt = charges.c.meter.in_(["input_tokens", "cached_input_tokens"])
    charged = (
        sql.select(charges.c.request_id, sql.func.sum(charges.c.quantity).label("tokens"))
        .where(prompt, charges.c.correction_no == 0)
        .group_by(charges.c.request_id)
        .subquery()
    )
    query = (
        sql.select(sql.func.count())
        .select_from(
            requests.join(charged, charged.c.request_id == requests.c.request_id, isouter=True)
        )
        .where(sql.func.coalesce(charged.c.tokens, 0) != requests.c.prompt_tokens)
    )
    with reading(ledger.engine) as connection:
        return int(connection.execute(query).scalar_one())


def _charging(folder: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{folder / 'charging.sqlite'}")
    budgets = Budgets(ledger.engine)
    for scope, subject in (("team", "budgeted"), ("user", "ada")):
        budgets.set(scope=scope, subject=subject, period="month", picodollars=10**18, actor="")
    caller = Caller(team="budgeted", user="ada")
    recorder = Recorder(ledger, Journal(folder / "journal"))
    recorder.start()
    synced = Journal(folder / "synced", sync_first=True)
    postings = list(islice(random_postings(random.Random(1)), _ANSWERS))

    def paced(work: Callable[[Posting], object]) -> list[float]:
        taken = []
        for posting in postings:
            began = time.perf_counter()
            work(posting)
            taken.append((time.perf_counter() - began) * 1000)
            # 200 answers a second, which is more than one process writes.
            time.sleep(0.005)
        return sorted(taken)

    print("| Added to an answer | p50 ms | p95 ms |\n|---|---:|---:|")
    for name, work in (
        ("charging", recorder.record),
        ("charging, forced to disk before the answer's end", synced.append),
        ("two budgets reserved", lambda one: budgets.reserve(one.request.id, caller, full=1000)),
        ("nobody's budget", lambda one: budgets.reserve(one.request.id, Caller(team="x"), full=1)),
    ):
        taken = paced(work)
        print(f"| {name} | {taken[len(taken) // 2]:.2f} | {taken[len(taken) * 95 // 100]:.2f} |")
    recorder.flush(60)
    recorder.close()
    ledger.close()
