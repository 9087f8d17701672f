"""The ledger: append-only charges with who and what, requests, rollups; old charges are carried over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"

_PART = 10**9
_row_id = sql.BigInteger().with_variant(sql.Integer(), "sqlite")

_SQLITE_TRIGGERS = (
    """CREATE TRIGGER charges_no_update BEFORE UPDATE ON charges BEGIN
    SELECT RAISE(ABORT, 'charges are append-only: post a correction'); END""",
    """CREATE TRIGGER charges_no_delete BEFORE DELETE ON charges
    WHEN NOT EXISTS (SELECT 1 FROM retentions WHERE open = 1 AND OLD.at < before_at) BEGIN
    SELECT RAISE(ABORT, 'charges are append-only: export and retire them'); END""",
)
_POSTGRES_TRIGGERS = (
    """CREATE FUNCTION groundwork_charges_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND EXISTS (
            SELECT 1 FROM retentions WHERE open = 1 AND OLD.at < before_at
        ) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'charges are append-only: post a correction, or export and retire them';
    END $$""",
    """CREATE TRIGGER charges_append_only BEFORE UPDATE OR DELETE ON charges
    FOR EACH ROW EXECUTE FUNCTION groundwork_charges_append_only()""",
    """CREATE FUNCTION groundwork_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END $$""",
    """CREATE TRIGGER charges_no_truncate BEFORE TRUNCATE ON charges
    FOR EACH STATEMENT EXECUTE FUNCTION groundwork_append_only()""",
)


def upgrade() -> None:
    """Make the tables, carry the old charges over, then forbid changes."""
    op.rename_table("charges", "charges_before")
    _create_charges()
    _create_requests()
    _create_rollups()
    _create_retentions()
    connection = op.get_bind()
    _carry_over(connection)
    op.drop_table("charges_before")
    postgres = connection.dialect.name == "postgresql"
    for statement in _POSTGRES_TRIGGERS if postgres else _SQLITE_TRIGGERS:
        connection.exec_driver_sql(statement.replace("'%", "'%%") if postgres else statement)


def _name(column: str, length: int = 128, **more: Any) -> sql.Column[str]:
    return sql.Column(column, sql.String(length), nullable=False, server_default="", **more)


def _count(column: str) -> sql.Column[int]:
    return sql.Column(column, sql.BigInteger, nullable=False, server_default="0")


def _who() -> list[sql.Column[str]]:
    return [
        _name("team"),
        _name("user_id"),
        _name("key_id", 32),
        _name("project"),
        _name("channel", 32),
    ]


def _currency() -> sql.Column[str]:
    return sql.Column("currency", sql.String(3), nullable=False, server_default="USD")


def _create_charges() -> None:
    op.create_table(
        "charges",
        sql.Column("id", _row_id, primary_key=True, autoincrement=True),
        sql.Column("request_id", sql.String(64), nullable=False),
        sql.Column("stage", sql.String(32), nullable=False),
        sql.Column("meter", sql.String(48), nullable=False),
        _name("model", 256),
        sql.Column("correction_no", sql.Integer, nullable=False, server_default="0"),
        sql.Column("at", sql.BigInteger, nullable=False),
        sql.Column("day", sql.String(10), nullable=False),
        sql.Column("quantity", sql.BigInteger, nullable=False),
        sql.Column("unit_picodollars", sql.BigInteger),
        sql.Column("picodollars", sql.BigInteger, nullable=False),
        _currency(),
        _name("price_book", 64),
        _name("release", 64),
        _name("index_name"),
        *_who(),
        sql.Column("kind", sql.String(16), nullable=False, server_default="usage"),
        sql.Column("corrects", sql.BigInteger),
        _name("note", 500),
        sql.UniqueConstraint(
            "request_id", "stage", "meter", "model", "correction_no", name="charges_once"
        ),
    )
    op.create_index("charges_at", "charges", ["at"])


def _create_requests() -> None:
    op.create_table(
        "requests",
        sql.Column("request_id", sql.String(64), primary_key=True),
        sql.Column("at", sql.BigInteger, nullable=False),
        sql.Column("day", sql.String(10), nullable=False),
        sql.Column("kind", sql.String(16), nullable=False, server_default="usage"),
        sql.Column("outcome", sql.String(16), nullable=False),
        _name("model", 256),
        _name("release", 64),
        _name("index_name"),
        *_who(),
        _count("prompt_tokens"),
        _count("cached_tokens"),
        _count("completion_tokens"),
        _count("reasoning_tokens"),
        _count("picodollars"),
        _currency(),
        _count("cache_saved_picodollars"),
        sql.Column("latency_ms", sql.Integer, nullable=False, server_default="0"),
        sql.Column("first_token_ms", sql.Integer),
        _name("trace_id", 64),
        sql.CheckConstraint("cached_tokens <= prompt_tokens", name="requests_cached_of_prompt"),
        sql.CheckConstraint(
            "reasoning_tokens <= completion_tokens", name="requests_reasoning_of_completion"
        ),
    )
    op.create_index("requests_at", "requests", ["at"])
    op.create_index("requests_by_cost", "requests", ["picodollars"])


def _create_rollups() -> None:
    shared = (("kind", 16), ("currency", 3), ("team", 128))
    used = (
        ("project", 128),
        ("stage", 32),
        ("model", 256),
        ("meter", 48),
        ("release", 64),
        ("index_name", 128),
        ("channel", 32),
    )
    callers = (("user_id", 128), ("key_id", 32), ("project", 128), ("channel", 32))
    op.create_table(
        "rollups",
        sql.Column("day", sql.String(10), primary_key=True),
        *(_name(name, length, primary_key=True) for name, length in shared + used),
        *(_count(name) for name in ("charges", "quantity", "millidollars", "picodollars")),
    )
    op.create_table(
        "rollups_callers",
        sql.Column("day", sql.String(10), primary_key=True),
        *(_name(name, length, primary_key=True) for name, length in shared + callers),
        *(_count(name) for name in ("requests", "charges", "millidollars", "picodollars")),
    )


def _create_retentions() -> None:
    op.create_table(
        "retentions",
        sql.Column("id", _row_id, primary_key=True, autoincrement=True),
        sql.Column("at", sql.BigInteger, nullable=False),
        sql.Column("before_at", sql.BigInteger, nullable=False),
        _name("actor"),
        sql.Column("export", sql.String(512), nullable=False),
        sql.Column("export_sha256", sql.String(64), nullable=False),
        sql.Column("rows", sql.BigInteger, nullable=False),
        sql.Column("open", sql.Integer, nullable=False, server_default="1"),
    )


def _carry_over(connection: sql.Connection) -> None:
    names = ("charges_before", "charges", "requests", "rollups", "rollups_callers", "answers")
    metadata = sql.MetaData()
    metadata.reflect(connection, only=names)
    tables = metadata.tables
    rollups: dict[tuple[Any, ...], list[int]] = {}
    callers: dict[str, list[int]] = {}
    for answer_id, rows in _by_answer(connection, tables["charges_before"]):
        body = _answer(connection, tables["answers"], answer_id)
        charges = [_charge(row, body) for row in rows]
        connection.execute(sql.insert(tables["charges"]), charges)
        connection.execute(sql.insert(tables["requests"]), [_request(charges, body)])
        for charge in charges:
            key = tuple(
                charge[name] for name in ("day", "stage", "model", "meter", "release", "index_name")
            )
            _add(
                rollups.setdefault(key, [0, 0, 0, 0]), 1, charge["quantity"], charge["picodollars"]
            )
            _add(callers.setdefault(charge["day"], [0, 0, 0, 0]), 1, 0, charge["picodollars"])
        callers[charges[0]["day"]][1] += 1
    columns = ("charges", "quantity", "millidollars", "picodollars")
    keys = ("day", "stage", "model", "meter", "release", "index_name")
    common = {"kind": "usage", "currency": "USD"}
    if rollups:
        connection.execute(
            sql.insert(tables["rollups"]),
            [
                {
                    **common,
                    **dict(zip(keys, key, strict=True)),
                    **dict(zip(columns, sums, strict=True)),
                }
                for key, sums in rollups.items()
            ],
        )
        columns = ("charges", "requests", "millidollars", "picodollars")
        connection.execute(
            sql.insert(tables["rollups_callers"]),
            [
                {**common, "day": day, **dict(zip(columns, sums, strict=True))}
                for day, sums in callers.items()
            ],
        )


def _add(sums: list[int], charges: int, quantity: int, picodollars: int) -> None:
    sums[0] += charges
    sums[1] += quantity
    sums[2] += picodollars // _PART
    sums[3] += picodollars % _PART


def _by_answer(
    connection: sql.Connection, before: sql.Table
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    query = sql.select(before).order_by(before.c.answer_id, before.c.stage, before.c.meter)
    rows = (dict(row) for row in connection.execute(query).mappings())
    for answer_id, group in groupby(rows, key=lambda row: str(row["answer_id"])):
        yield answer_id, list(group)


def _answer(connection: sql.Connection, answers: sql.Table, answer_id: str) -> dict[str, Any]:
    """The kept answer; empty where it was forgotten already."""
    query = sql.select(answers.c.body).where(answers.c.id == answer_id)
    body = connection.execute(query).scalar_one_or_none()
    return dict(orjson.loads(body)) if body is not None else {}


def _charge(row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    at = int(datetime.fromisoformat(row["created_at"]).timestamp() * 1000)
    quantity, picodollars = row["quantity"], row["picodollars"]
    unit, rest = divmod(picodollars, quantity) if quantity else (0, picodollars)
    return {
        "request_id": row["answer_id"],
        "stage": row["stage"],
        "meter": row["meter"],
        # Only the generator's model was kept then.
        "model": body.get("model", "") if row["stage"] == "generate" else "",
        "at": at,
        "day": row["created_at"][:10],
        "quantity": quantity,
        "unit_picodollars": unit if rest == 0 else None,
        "picodollars": picodollars,
        "release": row["release"],
        "index_name": body.get("index", ""),
    }


def _request(charges: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    first = charges[0]
    usage = body.get("usage", {})
    outcome = "unknown"
    if body:
        outcome = body.get("outcome") or ("abstained" if body.get("abstained") else "answered")
    return {
        "request_id": first["request_id"],
        "at": first["at"],
        "day": first["day"],
        "outcome": outcome,
        "model": body.get("model", ""),
        "release": first["release"],
        "index_name": first["index_name"],
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "cached_tokens": usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "reasoning_tokens": usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0),
        "picodollars": sum(charge["picodollars"] for charge in charges),
        "latency_ms": round(body.get("timings_ms", {}).get("total", 0)),
        "trace_id": body.get("trace_id", ""),
    }
