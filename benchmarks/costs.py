"""Money: sums that differ by nothing over a million answers, how long reports take, and the cost page's first plot."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sql

from benchmarks.ledgers import Synthetic
from benchmarks.process import run
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.database import reading
from groundwork.core.metering.export import FORMATS, Format, export
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import DAY_MS, Period, day_start
from groundwork.core.metering.prices import embedded_book
from groundwork.core.metering.query import DIMENSIONS, CostQuery
from groundwork.core.metering.reconcile.books import compare_books
from groundwork.core.metering.reports import report
from groundwork.core.metering.spread import spreads
from groundwork.core.metering.tables import USAGE, charges, requests
from groundwork.core.money import parse_dollars
from groundwork.core.settings import Settings

ANSWERS = 1_000_000
PAGE_REQUESTS = 100_000
RUNS = 7
START = day_start("2026-09-01")
END = day_start("2026-12-01")
# A share of the period that begins and ends within days.
PART = Period(START + 5 * DAY_MS + 1234, END - 9 * DAY_MS - 4321)
_COMMAND = str(Path(sys.executable).parent / "groundwork")


def main(settings: Settings, answers: int = ANSWERS, page_requests: int = PAGE_REQUESTS) -> None:
    """Print two Markdown tables. Fails where a sum differs."""
    with tempfile.TemporaryDirectory(dir=_roomy(settings)) as temporary:
        home = Path(temporary)
        ledger = Ledger.open(f"sqlite:///{home / 'ledger.sqlite'}")
        made = Synthetic(START, END, extremes=True)
        began = time.perf_counter()
        made.fill(ledger, answers)
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}. {answers:,} answers with {made.rows:,} charges over "
            f"{(END - START) // DAY_MS} days, written in {time.perf_counter() - began:.0f} s; SQLite.\n"
        )
        _exactness(ledger, made)
        _times(ledger, home)
        ledger.close()
    _page(settings, page_requests)


def _roomy(settings: Settings) -> Path:
    # Some gigabytes, which /tmp may not have.
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home


def _exactness(ledger: Ledger, made: Synthetic) -> None:
    print("| what is summed | groups or rows | difference in picodollars | s |")
    print("|---|---|---|---|")
    whole = CostQuery(Period())
    with reading(ledger.engine) as connection:
        _row("charges, the ledger's own sum", made.rows, ledger.total() - made.charged, 0.0)
        for by in [(name,) for name in DIMENSIONS] + [("day", "team", "model"), ("user", "model")]:
            _report(connection, CostQuery.of(Period(), by), made.charged)
        part = sum(row.amounts.picodollars for row in report(connection, CostQuery(PART)).rows)
        for by in (("team",), ("user", "stage")):
            _report(connection, CostQuery.of(PART, by), part, "part of the period, ")
        assert compare_books(connection).agrees
        wrong = _prompts_that_do_not_add_up(connection)
    for form in FORMATS:
        began = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows, total = _summed(form, export(ledger.engine, whole, form, Settings().costs))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert rows == made.rows
        name = f"export {form} (peak memory grew by {grown:.0f} MiB)"
        _row(name, rows, total - made.charged, time.perf_counter() - began)
    print(f"\nRequests whose uncached and cached tokens are not the prompt's: {wrong}.\n")
    assert wrong == 0


def _report(connection: sql.Connection, query: CostQuery, expected: int, where: str = "") -> None:
    began = time.perf_counter()
    rows = report(connection, query).rows
    taken = time.perf_counter() - began
    found = sum(row.amounts.picodollars for row in rows)
    _row(f"report, {where}by {', '.join(query.by)}", len(rows), found - expected, taken)


def _row(name: str, count: int, difference: int, seconds: float) -> None:
    print(f"| {name} | {count:,} | {difference} | {seconds:.2f} |", flush=True)
    assert difference == 0, name


def _summed(form: Format, chunks: Iterator[bytes]) -> tuple[int, int]:
    """(rows, picodollars), read as a customer would: amounts of the file, not ours."""
    if form == "parquet":
        import pyarrow.parquet as pq

        with tempfile.TemporaryFile() as file:
            file.writelines(chunks)
            rows = total = 0
            for batch in pq.ParquetFile(file).iter_batches(columns=["picodollars"]):
                rows += batch.num_rows
                total += sum(batch.column(0).to_pylist())
        return rows, total
    lines = csv.reader(io.TextIOWrapper(io.BufferedReader(_Readable(chunks)), "utf-8", newline=""))
    column = next(lines).index("BilledCost" if form == "focus" else "amount")
    rows = total = 0
    for line in lines:
        rows += 1
        total += parse_dollars(line[column])
    return rows, total


class _Readable(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _prompts_that_do_not_add_up(connection: sql.Connection) -> int:
    """Answers whose charged prompt tokens, cached and not, differ from the request's."""
    prompt = charges.c.meter.in_(("input_tokens", "cached_input_tokens"))
    charged = (
        sql.select(charges.c.request_id, sql.func.sum(charges.c.quantity).label("tokens"))
        .where(prompt, charges.c.stage == "generate", charges.c.correction_no == 0)
        .group_by(charges.c.request_id)
        .subquery()
    )
    joined = requests.join(charged, requests.c.request_id == charged.c.request_id)
    differ = sql.select(sql.func.count()).select_from(joined)
    found = connection.execute(differ.where(requests.c.prompt_tokens != charged.c.tokens))
    return int(found.scalar_one())


def _times(ledger: Ledger, home: Path) -> None:
    november = Period.parse(month="2026-11")
    print(f"| what | median s of {RUNS} |")
    print("|---|---|")
    by_team = ["cost", "report", "--by", "team"]
    environment = {"GROUNDWORK_HOME": str(home)}
    cold = [run([_COMMAND, *by_team], home, environment) for _ in range(RUNS)]
    wall, cpu = median(each.wall for each in cold), median(each.cpu for each in cold)
    print(f"| `groundwork {' '.join(by_team)}`, a cold process ({cpu:.2f} CPU-s) | {wall:.2f} |")

    def timed(name: str, call: Callable[[sql.Connection], object]) -> None:
        taken = []
        for _ in range(RUNS):
            with reading(ledger.engine) as connection:
                began = time.perf_counter()
                call(connection)
                taken.append(time.perf_counter() - began)
        print(f"| {name} | {median(taken):.3f} |", flush=True)

    timed("report by team, all days", lambda c: report(c, CostQuery.of(Period(), ["team"])))
    timed("report by day and model, one month", lambda c: report(c, CostQuery.of(november, ["day", "model"])))  # fmt: skip
    timed("report by user and stage, one month (no rollup)", lambda c: report(c, CostQuery.of(november, ["user", "stage"])))  # fmt: skip
    timed("spread by team, one month", lambda c: spreads(c, CostQuery.of(november, ["team"], {"kind": [USAGE]})))  # fmt: skip


def _page(settings: Settings, count: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("\nThe cost page is not measured: chromium is not installed.")
        return
    with tempfile.TemporaryDirectory(dir=_roomy(settings)) as temporary:
        home = Path(temporary)
        accounts = Accounts.open(settings.model_copy(update={"home": home}), embedded_book())
        Synthetic(START, END).fill(accounts.ledger, count)
        first, whole, shown = _driven(chromium, accounts)
        accounts.ledger.close()
        report_of = ["cost", "report", "--by", "team", "--month", "2026-11", "--json"]
        said = run([_COMMAND, *report_of], home, {"GROUNDWORK_HOME": str(home)}).stdout
    rows = {row["team"]: parse_dollars(row["amount"]) for row in json.loads(said)["rows"]}
    assert shown == rows, "the page shows other figures than the command"
    print(f"\n| the cost page, {count:,} requests | median s of {len(first)} |")
    print("|---|---|")
    print(f"| first plot, from the navigation | {median(first):.2f} |")
    print(f"| everything | {median(whole):.2f} |")
    print("\nIts figures by team equal those of `groundwork cost report`.")


def _driven(chromium: str, accounts: Accounts) -> tuple[list[float], list[float], dict[str, int]]:
    from playwright.sync_api import expect, sync_playwright

    from tests.browser.cost_service import CostService

    first, whole = [], []
    with CostService(accounts, END) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])  # fmt: skip
        for _ in range(5):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(f"{service.url}/costs?month=2026-11")
            page.wait_for_selector("#days .plot")
            first.append(time.perf_counter() - began)
            expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=30_000)
            whole.append(time.perf_counter() - began)
        rows = page.locator("section[data-by=team] tbody tr").all()
        shown = {
            row.get_attribute("data-value") or "": parse_dollars(
                row.locator(".amount").inner_text().replace(",", "")
            )
            for row in rows
        }
        browser.close()
    return first, whole, shown
