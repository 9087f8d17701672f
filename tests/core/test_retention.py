from __future__ import annotations

import csv
import gzip
import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sql
from sqlalchemy.exc import DatabaseError

from groundwork.core.errors import Conflict, InvalidInput
from groundwork.core.metering import retention
from groundwork.core.metering.database import reading, writing
from groundwork.core.metering.events import events
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, day_of, day_start, now_ms
from groundwork.core.metering.tables import retentions, rollups, whole

OLD, KEPT = day_start("2026-01-31") + 86_399_999, day_start("2026-02-01")


def post(ledger: Ledger, name: str, at: int) -> None:
    line = Line("generate", "requests", "=cmd|evil", 1, 10**18, 10**18, note="a,\nb")
    ledger.post(Posting(Request(name, at, "answered", team="search"), (line,)))


def test_what_is_old_is_exported_then_deleted(ledger: Ledger, tmp_path: Path) -> None:
    for n in range(11):
        post(ledger, f"old-{n}", OLD)
    post(ledger, "kept", KEPT)
    path = tmp_path / "old.csv.gz"
    gone = retention.retire(ledger, "2026-02-01", path, "me")
    assert (gone.rows, gone.picodollars) == (11, 11 * 10**18)
    assert gone.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["picodollars"]) for row in rows) == gone.picodollars
    assert (rows[0]["request_id"], rows[0]["note"], rows[0]["team"]) == ("old-0", "a,\nb", "search")
    assert (ledger.total(), ledger.request("old-0")) == (10**18, None)
    with reading(ledger.engine) as connection:
        kept = sql.select(sql.func.sum(rollups.c.millidollars), sql.func.sum(rollups.c.picodollars))
        assert whole(*connection.execute(kept).one()) == 12 * 10**18
        row = connection.execute(sql.select(retentions)).mappings().one()
    assert (row["rows"], row["open"], row["actor"], row["export_sha256"]) == (
        11,
        0,
        "me",
        gone.sha256,
    )
    assert events(ledger.engine)[0]["action"] == "charges.retired"
    # The door is closed again.
    with pytest.raises(DatabaseError, match="append-only"), writing(ledger.engine) as connection:
        connection.exec_driver_sql("DELETE FROM charges")


def test_an_open_door_is_for_what_is_old_only(ledger: Ledger) -> None:
    post(ledger, "kept", KEPT)
    row = {"at": 0, "before_at": KEPT, "export": "", "export_sha256": "", "rows": 0}
    with writing(ledger.engine) as connection:
        connection.execute(sql.insert(retentions).values(row))
    with pytest.raises(DatabaseError, match="append-only"), writing(ledger.engine) as connection:
        connection.exec_driver_sql("DELETE FROM charges")


def test_a_charge_that_comes_meanwhile_stops_it(ledger: Ledger, tmp_path: Path) -> None:
    class Late(Ledger):
        """A charge arrives between the export's end and the deletion."""

        @property
        def engine(self) -> sql.Engine:
            if (tmp_path / "old.csv.gz").exists() and ledger.request("late") is None:
                post(ledger, "late", OLD)
            return ledger.engine

        @engine.setter
        def engine(self, engine: sql.Engine) -> None:
            pass

    post(ledger, "old", OLD)
    with pytest.raises(Conflict, match="1 charges before"):
        retention.retire(Late(ledger.engine), "2026-02-01", tmp_path / "old.csv.gz", "me")
    assert ledger.total() == 2 * 10**18


def test_this_month_stays_and_files_are_not_overwritten(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    for before, path in (
        (day_of(now_ms() + 86_400_000 * 31), tmp_path / "x"),
        ("soon", tmp_path / "x"),
        ("2026-01-01", tmp_path / "there"),
        ("2026-01-01", tmp_path / "no" / "folder"),
    ):
        with pytest.raises(InvalidInput):
            retention.retire(ledger, before, path, "me")
