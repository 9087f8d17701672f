"""Ledgers filled with random requests, and what their reports must say, summed by hand."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from groundwork.core.metering.database import writing
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import DAY_MS, day_of, day_start
from groundwork.core.metering.rollup import add_to_rollups
from groundwork.core.metering.tables import charges, requests
from tests.postgres import new_database

Row = dict[str, Any]

START = day_start("2026-10-03")
DAYS = 60
TEAMS = ("search", "support", "")
USERS = ("ada", "grace", "slack:U1")
PRICES = (0, 1, 242, 66_000, 150_000, 10**11)
METERS = ("input_tokens", "cached_input_tokens", "output_tokens", "searches")


def random_rows(count: int, seed: int = 0) -> tuple[list[Row], list[Row]]:
    """(requests, charges) of `count` answers: cached, zero, huge, corrected, evaluated, idle."""
    rng = random.Random(seed)
    asked: list[Row] = []
    charged: list[Row] = []
    for n in range(count):
        who = {
            "team": rng.choice(TEAMS), "user_id": rng.choice(USERS), "key_id": f"key-{n % 5}",
            "project": rng.choice(("docs", "")), "channel": rng.choice(("api", "slack")),
        }  # fmt: skip
        of = {"release": f"rel-{n % 3}", "index_name": rng.choice(("docs", "handbook"))}
        kind = rng.choices(("usage", "evaluation", "idle"), (90, 8, 2))[0]
        at = START + rng.randrange(DAYS * DAY_MS)
        request = {
            "request_id": f"ans-{n:06d}", "at": at, "day": day_of(at), "kind": kind, **who, **of,
            "outcome": rng.choice(("answered", "abstained", "cached", "failed", "cancelled")),
            "model": rng.choice(("small", "large")), "prompt_tokens": 100, "cached_tokens": 40,
            "cache_saved_picodollars": rng.choice((0, 7, 10**9)), "latency_ms": 12, "currency": "USD",
        }  # fmt: skip
        own = list(_charges(rng, request, len(charged)))
        request["picodollars"] = sum(row["picodollars"] for row in own)
        asked.append(request)
        charged += own
    return asked, charged


def _charges(rng: random.Random, request: Row, before: int) -> Iterator[Row]:
    copied = (
        "request_id",
        "team",
        "user_id",
        "key_id",
        "project",
        "channel",
        "release",
        "index_name",
        "currency",
    )
    base = {name: request[name] for name in copied}
    for n, meter in enumerate(rng.sample(METERS, rng.randint(1, 4))):
        unit = rng.choice(PRICES)
        quantity = rng.choice((0, 1, rng.randrange(10**4), 10**7))
        row = {
            **base, "id": before + n + 1, "at": request["at"], "day": request["day"], "stage": "generate",
            "meter": meter, "model": request["model"], "quantity": quantity, "unit_picodollars": unit,
            "picodollars": quantity * unit, "kind": request["kind"], "corrects": None, "correction_no": 0,
            "price_book": "book-1", "note": "",
        }  # fmt: skip
        if request["kind"] == "idle":
            row["unit_picodollars"] = None
        yield row
    if rng.random() < 0.1:
        at = row["at"] + rng.randrange(40 * DAY_MS)
        less = -rng.randrange(row["quantity"] + 1)
        yield {
            **row, "id": row["id"] + 1, "at": at, "day": day_of(at), "kind": "correction", "corrects": row["id"],
            "correction_no": 1, "quantity": less, "picodollars": less * (row["unit_picodollars"] or 1),
            "note": "counted twice",
        }  # fmt: skip


def fill(ledger: Ledger, asked: list[Row], charged: list[Row]) -> None:
    """Rows and rollups in one transaction; far faster than posting each request."""
    with writing(ledger.engine) as connection:
        connection.execute(sql.insert(requests), asked)
        connection.execute(sql.insert(charges), charged)
        add_to_rollups(connection, charged, asked)


def made(where: Path | str, count: int, seed: int = 0) -> tuple[Ledger, list[Row], list[Row]]:
    """A ledger with random rows, and those; `where` is a file for SQLite or a database's URL."""
    ledger = Ledger.open(where if isinstance(where, str) else f"sqlite:///{where}")
    asked, charged = random_rows(count, seed)
    fill(ledger, asked, charged)
    return ledger, asked, charged


def each_database(request: pytest.FixtureRequest, folder: Path) -> Path | str:
    """Where a ledger of a fixture with the parameters `DATABASES` lies."""
    if request.param == "sqlite":
        return folder / "ledger.sqlite"
    server: str = request.getfixturevalue("postgres_server")
    return new_database(server, f"costs_{uuid.uuid4().hex[:12]}")


DATABASES = ("sqlite", "postgresql")
