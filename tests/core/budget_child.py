"""Makes requests against a budget from several threads; prints how each ended.

Usage: python budget_child.py DATABASE_URL NAME REQUESTS COST MODE

MODE is `settle` (each request is charged what it reserved) or `die` (reserve, say so, and wait to be killed).
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from groundwork.core.errors import BudgetExceeded
from groundwork.core.metering.budgets import Budgets
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, now_ms

# As many as a service answers requests with.
THREADS = 32
CALLER = Caller(team="search", user="ada")


def main(url: str, name: str, requests: int, cost: int, mode: str) -> None:
    ledger = Ledger.open(url)
    budgets = Budgets(ledger.engine, reservation_seconds=3600 if mode == "settle" else 1)

    def ask(n: int) -> str:
        request_id = f"{name}-{n}"
        try:
            budgets.reserve(request_id, CALLER, full=cost)
        except BudgetExceeded:
            return "refused"
        if mode == "die":
            return "reserved"
        request = Request(request_id, now_ms(), "answered", team=CALLER.team, user=CALLER.user)
        ledger.post(Posting(request, (Line("generate", "requests", "m", 1, cost, cost),)))
        return "answered"

    # Everybody begins together.
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(min(requests, THREADS)) as pool:
        outcomes = list(pool.map(ask, range(requests)))
    sys.stdout.write(" ".join(outcomes) + "\n")
    sys.stdout.flush()
    while mode == "die":
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
