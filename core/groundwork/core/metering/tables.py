"""The tables of the ledger's database, as the migrations leave them.

Conventions that every query relies on:

* `at` and other instants are milliseconds since 1970 in UTC (integers compare and index fastest); `day` is the UTC
  day of `at` as `2026-11-25`.
* Text that is not known is "", never NULL, so that unique keys hold. `index_name` and `user_id` are called so
  because INDEX and USER mean something else in SQL.
* Amounts are whole picodollars of the row's currency (10^-12 of its unit). One row holds at most a million units
  of the currency and `MAX_QUANTITY` of its meter; sums are made in two parts (`parts`, `whole`), because a sum of
  64-bit integers may not fit 64 bits.
* `charges` and `prices` are append-only: triggers refuse UPDATE and DELETE (`migrations/`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql

MAX_PICODOLLARS = 10**18
MAX_QUANTITY = 10**12
# A rollup keeps amounts as whole thousandths of a dollar and the picodollars beyond, so that it cannot overflow.
PART = 10**9

USAGE = "usage"
CORRECTION = "correction"
IDLE = "idle"
EVALUATION = "evaluation"
KINDS = (USAGE, CORRECTION, IDLE, EVALUATION)

OUTCOMES = ("answered", "abstained", "blocked", "failed", "cancelled", "cached", "unknown")

metadata = sql.MetaData()
# SQLite numbers rows by INTEGER PRIMARY KEY only; a 64-bit column elsewhere.
_RowId = sql.BigInteger().with_variant(sql.Integer(), "sqlite")


def _name(column: str, length: int = 128) -> sql.Column[str]:
    return sql.Column(column, sql.String(length), nullable=False, server_default="")


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


charges = sql.Table(
    "charges",
    metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("request_id", sql.String(64), nullable=False),
    sql.Column("stage", sql.String(32), nullable=False),
    sql.Column("meter", sql.String(48), nullable=False),
    _name("model", 256),
    # 0 is what was charged first; a correction is a further row with the next number.
    sql.Column("correction_no", sql.Integer, nullable=False, server_default="0"),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("day", sql.String(10), nullable=False),
    sql.Column("quantity", sql.BigInteger, nullable=False),
    # NULL where an amount was divided, not multiplied: shares of a GPU's bill.
    sql.Column("unit_picodollars", sql.BigInteger),
    sql.Column("picodollars", sql.BigInteger, nullable=False),
    sql.Column("currency", sql.String(3), nullable=False, server_default="USD"),
    _name("price_book", 64),
    _name("release", 64),
    _name("index_name"),
    *_who(),
    sql.Column("kind", sql.String(16), nullable=False, server_default=USAGE),
    sql.Column("corrects", sql.BigInteger),
    _name("note", 500),
    sql.UniqueConstraint(
        "request_id", "stage", "meter", "model", "correction_no", name="charges_once"
    ),
    sql.Index("charges_at", "at"),
)

# One row a request, written with its charges: cost of an answer and outliers need no grouping.
requests = sql.Table(
    "requests",
    metadata,
    sql.Column("request_id", sql.String(64), primary_key=True),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("day", sql.String(10), nullable=False),
    sql.Column("kind", sql.String(16), nullable=False, server_default=USAGE),
    sql.Column("outcome", sql.String(16), nullable=False),
    _name("model", 256),
    _name("release", 64),
    _name("index_name"),
    *_who(),
    # Cached tokens are part of the prompt's, reasoning of the completion's.
    _count("prompt_tokens"),
    _count("cached_tokens"),
    _count("completion_tokens"),
    _count("reasoning_tokens"),
    # The sum of all charges of the request, its corrections too.
    _count("picodollars"),
    sql.Column("currency", sql.String(3), nullable=False, server_default="USD"),
    # What the same answer would have cost had it not come from the cache, or its prompt not been cached.
    _count("cache_saved_picodollars"),
    sql.Column("latency_ms", sql.Integer, nullable=False, server_default="0"),
    sql.Column("first_token_ms", sql.Integer),
    _name("trace_id", 64),
    sql.CheckConstraint("cached_tokens <= prompt_tokens", name="requests_cached_of_prompt"),
    sql.CheckConstraint(
        "reasoning_tokens <= completion_tokens", name="requests_reasoning_of_completion"
    ),
    sql.Index("requests_at", "at"),
    sql.Index("requests_by_cost", "picodollars"),
)


def _amounts() -> list[sql.Column[int]]:
    """The sum of picodollars is `whole(millidollars, picodollars)`; `charges` counts rows."""
    return [_count("charges"), _count("quantity"), _count("millidollars"), _count("picodollars")]


# Sums by what was used, maintained in the transaction that inserts the charges.
rollups = sql.Table(
    "rollups",
    metadata,
    sql.Column("day", sql.String(10), primary_key=True),
    *(
        sql.Column(name, sql.String(length), primary_key=True, server_default="")
        for name, length in (
            ("kind", 16),
            ("currency", 3),
            ("team", 128),
            ("project", 128),
            ("stage", 32),
            ("model", 256),
            ("meter", 48),
            ("release", 64),
            ("index_name", 128),
            ("channel", 32),
        )
    ),
    *_amounts(),
)

# Sums by who used it, likewise; `quantity` mixes meters here and means nothing, so it is left out.
rollups_callers = sql.Table(
    "rollups_callers",
    metadata,
    sql.Column("day", sql.String(10), primary_key=True),
    *(
        sql.Column(name, sql.String(length), primary_key=True, server_default="")
        for name, length in (
            ("kind", 16),
            ("currency", 3),
            ("team", 128),
            ("user_id", 128),
            ("key_id", 32),
            ("project", 128),
            ("channel", 32),
        )
    ),
    _count("requests"),
    _count("charges"),
    _count("millidollars"),
    _count("picodollars"),
)

prices = sql.Table(
    "prices",
    metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("model", sql.String(256), nullable=False),
    sql.Column("meter", sql.String(48), nullable=False),
    sql.Column("unit_picodollars", sql.BigInteger, nullable=False),
    sql.Column("currency", sql.String(3), nullable=False, server_default="USD"),
    sql.Column("valid_from", sql.String(10), nullable=False),
    sql.Column("imported_at", sql.BigInteger, nullable=False),
    _name("source", 256),
    sql.UniqueConstraint("model", "meter", "currency", "valid_from", name="prices_once"),
)

teams = sql.Table(
    "teams",
    metadata,
    sql.Column("name", sql.String(128), primary_key=True),
    sql.Column("created_at", sql.BigInteger, nullable=False),
)

# `id` is the organisation's own name of the person, or `slack:U…`.
users = sql.Table(
    "users",
    metadata,
    sql.Column("id", sql.String(128), primary_key=True),
    _name("name"),
    _name("team"),
    sql.Column("created_at", sql.BigInteger, nullable=False),
)

projects = sql.Table(
    "projects",
    metadata,
    sql.Column("name", sql.String(128), primary_key=True),
    _name("team"),
    sql.Column("created_at", sql.BigInteger, nullable=False),
)

keys = sql.Table(
    "keys",
    metadata,
    sql.Column("id", sql.String(32), primary_key=True),
    sql.Column("digest", sql.LargeBinary(32), nullable=False),
    _name("name"),
    _name("team"),
    _name("user_id"),
    _name("project"),
    # Names separated by one space.
    sql.Column("scopes", sql.String(256), nullable=False),
    sql.Column("requests_per_minute", sql.Integer),
    sql.Column("tokens_per_minute", sql.Integer),
    sql.Column("created_at", sql.BigInteger, nullable=False),
    sql.Column("expires_at", sql.BigInteger),
    sql.Column("revoked_at", sql.BigInteger),
)

budgets = sql.Table(
    "budgets",
    metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    # key, user, team or project, and which one.
    sql.Column("scope", sql.String(16), nullable=False),
    sql.Column("subject", sql.String(128), nullable=False),
    # day or month, in UTC.
    sql.Column("period", sql.String(8), nullable=False),
    sql.Column("picodollars", sql.BigInteger, nullable=False),
    sql.Column("currency", sql.String(3), nullable=False, server_default="USD"),
    sql.Column("soft_percent", sql.Integer, nullable=False, server_default="80"),
    sql.Column("created_at", sql.BigInteger, nullable=False),
    sql.UniqueConstraint("scope", "subject", "period", "currency", name="budgets_once"),
)

# What a budget has used in one period (`2026-11-25` or `2026-11`).
budget_use = sql.Table(
    "budget_use",
    metadata,
    sql.Column("budget_id", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("period", sql.String(10), primary_key=True),
    _count("spent"),
    _count("reserved"),
    # When the soft threshold was first passed: the alert was given then.
    sql.Column("soft_at", sql.BigInteger),
    # When something was first refused.
    sql.Column("refused_at", sql.BigInteger),
)

# Held for requests under way, one row a request and budget.
reservations = sql.Table(
    "reservations",
    metadata,
    sql.Column("request_id", sql.String(64), primary_key=True),
    sql.Column("budget_id", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("period", sql.String(10), nullable=False),
    sql.Column("picodollars", sql.BigInteger, nullable=False),
    sql.Column("expires_at", sql.BigInteger, nullable=False),
    sql.Index("reservations_expiry", "expires_at"),
)

# Token buckets that processes share, where no Redis is configured.
buckets = sql.Table(
    "buckets",
    metadata,
    sql.Column("name", sql.String(160), primary_key=True),
    # In thousandths of a token, so that refilling needs no fraction.
    sql.Column("level", sql.BigInteger, nullable=False),
    sql.Column("at", sql.BigInteger, nullable=False),
)

# Who did what to keys, budgets, prices and old charges. Never holds a secret.
ledger_events = sql.Table(
    "ledger_events",
    metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("at", sql.BigInteger, nullable=False),
    _name("actor"),
    sql.Column("action", sql.String(48), nullable=False),
    sql.Column("detail", sql.Text, nullable=False, server_default=""),
)

# An open row lets charges before `before_at` be deleted; it is closed in the same transaction.
retentions = sql.Table(
    "retentions",
    metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("before_at", sql.BigInteger, nullable=False),
    _name("actor"),
    sql.Column("export", sql.String(512), nullable=False),
    sql.Column("export_sha256", sql.String(64), nullable=False),
    sql.Column("rows", sql.BigInteger, nullable=False),
    sql.Column("open", sql.Integer, nullable=False, server_default="1"),
)


def parts(amount: sql.ColumnElement[int]) -> tuple[sql.ColumnElement[Any], sql.ColumnElement[Any]]:
    """Two sums of a 64-bit column that cannot overflow; `whole` puts them together.

    Integer division truncates towards zero on both databases, so that each part keeps the sign of its row.
    """
    part: sql.ColumnElement[int] = sql.literal_column(str(PART))
    return (
        sql.func.coalesce(sql.func.sum(amount.op("/")(part)), 0),
        sql.func.coalesce(sql.func.sum(amount.op("%")(part)), 0),
    )


def whole(thousandths: Any, rest: Any) -> int:
    """The exact sum of two parts, as an unbounded integer (PostgreSQL hands sums over as Decimal)."""
    return int(thousandths) * PART + int(rest)
