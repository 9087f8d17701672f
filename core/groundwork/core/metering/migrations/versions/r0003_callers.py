"""Prices, keys, teams, users, projects, budgets with their use, shared rate limits, and what was done to them."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0003"
down_revision = "0002"

_row_id = sql.BigInteger().with_variant(sql.Integer(), "sqlite")

_SQLITE_TRIGGERS = (
    """CREATE TRIGGER prices_no_update BEFORE UPDATE ON prices BEGIN
    SELECT RAISE(ABORT, 'prices are append-only: import one that is valid from a later day'); END""",
    """CREATE TRIGGER prices_no_delete BEFORE DELETE ON prices BEGIN
    SELECT RAISE(ABORT, 'prices are append-only: import one that is valid from a later day'); END""",
)
_POSTGRES_TRIGGERS = (
    """CREATE TRIGGER prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prices
    FOR EACH STATEMENT EXECUTE FUNCTION groundwork_append_only()""",
)


def upgrade() -> None:
    """Make the tables."""
    _create_prices()
    _create_callers()
    _create_keys()
    _create_budgets()
    _create_buckets_and_events()
    connection = op.get_bind()
    postgres = connection.dialect.name == "postgresql"
    for statement in _POSTGRES_TRIGGERS if postgres else _SQLITE_TRIGGERS:
        connection.exec_driver_sql(statement)


def _name(column: str, length: int = 128) -> sql.Column[str]:
    return sql.Column(column, sql.String(length), nullable=False, server_default="")


def _instant(column: str, *, nullable: bool = False) -> sql.Column[int]:
    return sql.Column(column, sql.BigInteger, nullable=nullable)


def _currency() -> sql.Column[str]:
    return sql.Column("currency", sql.String(3), nullable=False, server_default="USD")


def _create_prices() -> None:
    op.create_table(
        "prices",
        sql.Column("id", _row_id, primary_key=True, autoincrement=True),
        sql.Column("model", sql.String(256), nullable=False),
        sql.Column("meter", sql.String(48), nullable=False),
        sql.Column("unit_picodollars", sql.BigInteger, nullable=False),
        _currency(),
        sql.Column("valid_from", sql.String(10), nullable=False),
        _instant("imported_at"),
        _name("source", 256),
        sql.UniqueConstraint("model", "meter", "currency", "valid_from", name="prices_once"),
    )


def _create_callers() -> None:
    op.create_table(
        "teams",
        sql.Column("name", sql.String(128), primary_key=True),
        _instant("created_at"),
    )
    op.create_table(
        "users",
        sql.Column("id", sql.String(128), primary_key=True),
        _name("name"),
        _name("team"),
        _instant("created_at"),
    )
    op.create_table(
        "projects",
        sql.Column("name", sql.String(128), primary_key=True),
        _name("team"),
        _instant("created_at"),
    )


def _create_keys() -> None:
    op.create_table(
        "keys",
        sql.Column("id", sql.String(32), primary_key=True),
        sql.Column("digest", sql.LargeBinary(32), nullable=False),
        _name("name"),
        _name("team"),
        _name("user_id"),
        _name("project"),
        sql.Column("scopes", sql.String(256), nullable=False),
        sql.Column("requests_per_minute", sql.Integer),
        sql.Column("tokens_per_minute", sql.Integer),
        _instant("created_at"),
        _instant("expires_at", nullable=True),
        _instant("revoked_at", nullable=True),
    )


def _create_budgets() -> None:
    op.create_table(
        "budgets",
        sql.Column("id", _row_id, primary_key=True, autoincrement=True),
        sql.Column("scope", sql.String(16), nullable=False),
        sql.Column("subject", sql.String(128), nullable=False),
        sql.Column("period", sql.String(8), nullable=False),
        sql.Column("picodollars", sql.BigInteger, nullable=False),
        _currency(),
        sql.Column("soft_percent", sql.Integer, nullable=False, server_default="80"),
        _instant("created_at"),
        sql.UniqueConstraint("scope", "subject", "period", "currency", name="budgets_once"),
    )
    op.create_table(
        "budget_use",
        sql.Column("budget_id", sql.BigInteger, primary_key=True, autoincrement=False),
        sql.Column("period", sql.String(10), primary_key=True),
        sql.Column("spent", sql.BigInteger, nullable=False, server_default="0"),
        sql.Column("reserved", sql.BigInteger, nullable=False, server_default="0"),
        _instant("soft_at", nullable=True),
        _instant("refused_at", nullable=True),
    )
    op.create_table(
        "reservations",
        sql.Column("request_id", sql.String(64), primary_key=True),
        sql.Column("budget_id", sql.BigInteger, primary_key=True, autoincrement=False),
        sql.Column("period", sql.String(10), nullable=False),
        sql.Column("picodollars", sql.BigInteger, nullable=False),
        _instant("expires_at"),
    )
    op.create_index("reservations_expiry", "reservations", ["expires_at"])


def _create_buckets_and_events() -> None:
    op.create_table(
        "buckets",
        sql.Column("name", sql.String(160), primary_key=True),
        sql.Column("level", sql.BigInteger, nullable=False),
        _instant("at"),
    )
    op.create_table(
        "ledger_events",
        sql.Column("id", _row_id, primary_key=True, autoincrement=True),
        _instant("at"),
        _name("actor"),
        sql.Column("action", sql.String(48), nullable=False),
        sql.Column("detail", sql.Text, nullable=False, server_default=""),
    )
