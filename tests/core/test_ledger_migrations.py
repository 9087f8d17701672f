from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from groundwork.core.metering.database import open_engine, reading, writing
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.migrations import HEAD, migrate
from groundwork.core.metering.postings import Line, Posting, Request
from groundwork.core.metering.tables import metadata, rollups, whole

# As the first versions made them, without migrations.
BEFORE = """
CREATE TABLE answers (id VARCHAR(64) PRIMARY KEY, created_at VARCHAR(32) NOT NULL, body {blob} NOT NULL);
CREATE INDEX ix_answers_created_at ON answers (created_at);
CREATE TABLE charges (answer_id VARCHAR(64) NOT NULL, stage VARCHAR(32) NOT NULL, meter VARCHAR(32) NOT NULL,
    created_at VARCHAR(32) NOT NULL, release VARCHAR(64) NOT NULL, quantity BIGINT NOT NULL,
    picodollars BIGINT NOT NULL, PRIMARY KEY (answer_id, stage, meter));
CREATE INDEX ix_charges_created_at ON charges (created_at);
CREATE TABLE feedback (id {serial}, answer_id VARCHAR(64) NOT NULL, created_at VARCHAR(32) NOT NULL,
    rating VARCHAR(8) NOT NULL, comment TEXT NOT NULL);
CREATE INDEX ix_feedback_answer_id ON feedback (answer_id)
"""
BODY = {
    "model": "extractive", "index": "docs", "abstained": False, "trace_id": "t1",
    "timings_ms": {"total": 12.6},
    "usage": {
        "prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}  # fmt: skip


def database_from_before(url: str) -> sql.Engine:
    engine = open_engine(url)
    postgres = engine.dialect.name == "postgresql"
    kinds = {
        "blob": "BYTEA" if postgres else "BLOB",
        "serial": "SERIAL PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY",
    }
    with writing(engine) as connection:
        for statement in BEFORE.format(**kinds).split(";"):
            connection.exec_driver_sql(statement)
        when = "2026-11-20T10:00:00.123Z"
        connection.execute(
            sql.text("INSERT INTO answers VALUES ('ans-1', :at, :body)"),
            {"at": when, "body": orjson.dumps(BODY)},
        )
        connection.execute(
            sql.text("INSERT INTO charges VALUES (:a, :s, :m, :at, 'rel-1', :q, :p)"),
            [
                {"a": a, "s": s, "m": m, "at": when, "q": q, "p": p}
                for a, s, m, q, p in (
                    ("ans-1", "embed", "input_tokens", 7, 1694),
                    ("ans-1", "generate", "output_tokens", 4, 176),
                    ("ans-forgotten", "retrieve", "searches", 1, 66_000),
                )
            ],
        )
        connection.execute(
            sql.text(
                "INSERT INTO feedback (answer_id, created_at, rating, comment) VALUES ('ans-1', :at, 'up', 'ok')"
            ),
            {"at": when},
        )
    return engine


def test_a_database_from_before_is_carried_over_without_loss(database_url: str) -> None:
    engine = database_from_before(database_url)
    migrate(engine)
    ledger = Ledger(engine)
    assert ledger.total() == 1694 + 176 + 66_000
    embed, generate = ledger.charges_of("ans-1")
    assert (embed["stage"], embed["model"], embed["unit_picodollars"]) == ("embed", "", 242)
    assert (generate["model"], generate["unit_picodollars"], generate["index_name"]) == (
        "extractive",
        44,
        "docs",
    )
    assert (generate["day"], generate["at"], generate["release"]) == (
        "2026-11-20",
        1_795_168_800_123,
        "rel-1",
    )
    known, forgotten = ledger.request("ans-1"), ledger.request("ans-forgotten")
    assert known is not None
    assert forgotten is not None
    assert (known["outcome"], known["prompt_tokens"], known["cached_tokens"]) == ("answered", 9, 2)
    assert (known["picodollars"], known["latency_ms"]) == (1870, 13)
    assert (forgotten["outcome"], forgotten["picodollars"]) == ("unknown", 66_000)
    with reading(engine) as connection:
        sums = sql.select(sql.func.sum(rollups.c.millidollars), sql.func.sum(rollups.c.picodollars))
        assert whole(*connection.execute(sums).one()) == ledger.total()
        assert connection.exec_driver_sql("SELECT rating, comment FROM feedback").one() == (
            "up",
            "ok",
        )
        assert connection.exec_driver_sql("SELECT count(*) FROM answers").scalar_one() == 1
    # The new rows continue the carried ones.
    assert (
        ledger.post(Posting(Request("ans-2", 0, "answered"), (Line("s", "m", "", 1, 1, 1),))) == 1
    )
    ledger.close()


def test_the_steps_lead_to_the_tables_that_the_code_has(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        assert context.get_current_revision() == HEAD
    # Answers and feedback belong to the service's store, which is above this part.
    foreign = {"answers", "feedback"}
    ours = [one for one in differences if not foreign & _tables_of(one)]
    assert ours == []
    engine.dispose()


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    engines = [open_engine(database_url) for _ in range(4)]
    begin = threading.Barrier(4)

    def start(engine: sql.Engine) -> None:
        begin.wait()
        migrate(engine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, engines))
    assert Ledger(engines[0]).total() == 0
    for engine in engines:
        engine.dispose()


def _tables_of(difference: object) -> set[str]:
    if isinstance(difference, list):
        return {name for one in difference for name in _tables_of(one)}
    assert isinstance(difference, tuple)
    subject = difference[1]
    table = subject if isinstance(subject, sql.Table) else getattr(subject, "table", None)
    return {table.name} if table is not None else set()
